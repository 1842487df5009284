//! Distributions and their releases, whatever spelling a document uses.
//!
//! Not a calendar: which release is supported is not known here. A release is kept only as far as a distribution's advisories tell releases
//! apart: `3.19` of Alpine 3.19.1, `8` of RHEL 8.4.

/// One name for a distribution that has several.
#[must_use]
pub fn distribution(name: &str) -> String {
    let name = name.to_lowercase();
    let known = match name.as_str() {
        "rhel" | "red hat" | "red_hat" | "redhat_enterprise_linux" | "el" | "centos" | "ubi" => "redhat",
        "rockylinux" | "rocky-linux" | "rocky linux" => "rocky",
        "alma" => "almalinux",
        "ol" | "oracle" | "oracle linux" => "oraclelinux",
        "amzn" | "amazon" | "amazon linux" | "amazon-linux" => "amazonlinux",
        "sles" | "sled" | "sle" | "suse linux enterprise" => "suse",
        "opensuse-leap" | "opensuse-tumbleweed" | "opensuse.leap" | "opensuse.tumbleweed" => "opensuse",
        "mariner" | "cbl-mariner" | "azure linux" | "azurelinux" => "azurelinux",
        "archlinux" => "arch",
        "photon os" => "photon",
        _ => return name,
    };
    known.to_owned()
}

/// The release within a distribution: of `debian-10.13`, `bookworm`, `ubuntu-22.04`, `el8`, `12`.
#[must_use]
pub fn release(distribution: &str, text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    if let Some((_, number)) = CODENAMES.iter().find(|(name, _)| text.split(['-', ':', '/']).any(|part| part == *name))
    {
        return Some((*number).to_owned());
    }
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let numbers: Vec<&str> = text
        .get(start..)?
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .map_while(|part| part.starts_with(|c: char| c.is_ascii_digit()).then_some(part))
        .collect();
    let first = (*numbers.first()?).to_owned();
    let second = numbers.get(1);
    Some(match (distribution, second) {
        ("alpine" | "ubuntu" | "opensuse" | "suse" | "azurelinux" | "photon" | "openeuler", Some(second)) => {
            format!("{first}.{second}")
        }
        ("suse", None) => text
            .split_once("sp")
            .map(|(_, pack)| format!("{first}.{}", pack.chars().take_while(char::is_ascii_digit).collect::<String>()))
            .unwrap_or(first),
        _ => first,
    })
}

/// Names that stand for numbers.
const CODENAMES: [(&str, &str); 26] = [
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("sid", "unstable"),
    ("unstable", "unstable"),
    ("trusty", "14.04"),
    ("xenial", "16.04"),
    ("bionic", "18.04"),
    ("disco", "19.04"),
    ("eoan", "19.10"),
    ("focal", "20.04"),
    ("groovy", "20.10"),
    ("hirsute", "21.04"),
    ("impish", "21.10"),
    ("jammy", "22.04"),
    ("kinetic", "22.10"),
    ("lunar", "23.04"),
    ("mantic", "23.10"),
    ("noble", "24.04"),
    ("oracular", "24.10"),
    ("plucky", "25.04"),
];
