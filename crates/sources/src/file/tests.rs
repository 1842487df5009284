//! Tests of sources files.

use super::*;
use expect_test::expect;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Source, SourceError> {
    Source::parse("ota-backend", text)
}

const SENDERS: &str = r#"
    kind = "idsr"
    tenant = "acme"
    [[sender]]
    address = "10.1.2.3"
    vehicle = "kona-7"
    sensor = "adas"
    [[sender]]
    address = "10.1.0.0/16"
    vehicle = "kona-8"
    sensor = "adas"
    messages_per_second_max = 5
    [[sender]]
    topic = "oem/{vehicle}/idsr/{sensor}"
"#;

#[test]
fn the_first_rule_that_fits_says_whose_a_message_is() {
    let source = parse(SENDERS).unwrap();
    let of = |address: &str| source.sender(address.parse().ok(), None).map(|(device, _)| device.to_string());
    assert_eq!(of("10.1.2.3").as_deref(), Some("acme/kona-7/adas"));
    assert_eq!(of("::ffff:10.1.9.9").as_deref(), Some("acme/kona-8/adas"));
    assert_eq!((of("10.2.0.1"), of("::1")), (None, None));
    let under = |topic| source.sender(None, Some(topic)).map(|(device, _)| device.to_string());
    assert_eq!(under("oem/v-1/idsr/gw").as_deref(), Some("acme/v-1/gw"));
    for wrong in ["oem/v-1/idsr", "oem/v-1/idsr/gw/x", "oem/v 1/idsr/gw", "eom/v-1/idsr/gw"] {
        assert_eq!(under(wrong), None, "{wrong}");
    }
    let SourceKind::Idsr(rules) = &source.kind else { panic!("foreign sensors") };
    assert_eq!(rules[2].topic.as_ref().unwrap().filter(), "oem/+/idsr/+");
    assert_eq!((rules[0].messages_per_second_max, rules[1].messages_per_second_max), (1_000, 5));
}

#[test]
fn every_refusal_says_what_is_wrong() {
    let logs = "kind = \"logs\"\ntenant = \"acme\"\n";
    let idsr = "kind = \"idsr\"\ntenant = \"acme\"\n[[sender]]\n";
    let all = [
        "kind = \"log\"\ntenant = \"acme\"".to_owned(),
        "kind = \"logs\"\ntenant = \"a b\"\nproduct = \"ota\"".to_owned(),
        logs.to_owned(),
        format!("{logs}product = \"ota\"\ntokens = [\"secret\"]"),
        format!("{logs}product = \"ota\"\n[[sender]]\naddress = \"1.2.3.4\""),
        format!("{logs}product = \"ota\"\n[columns]\nuser = {{ feild = \"a\" }}"),
        idsr.to_owned(),
        format!("{idsr}address = \"10.0.0.0/33\"\nvehicle = \"v\"\nsensor = \"s\""),
        format!("{idsr}topic = \"oem/#\"\nvehicle = \"v\"\nsensor = \"s\""),
        format!("{idsr}topic = \"oem/{{vehicle}}\""),
        format!("{idsr}address = \"10.0.0.1\"\nvehicle = \"v\"\nsensor = \"s\"\nkey = \"ed25519:00\""),
    ]
    .map(|text| parse(&text).map(|_| ()).unwrap_err().to_string());
    expect![[r#"
        TOML parse error at line 1, column 8
          |
        1 | kind = "log"
          |        ^^^^^
        unknown variant `log`, expected `logs` or `idsr`

        ---
        tenant "a b": 1 to 32 characters A-Z a-z 0-9 . _ -
        ---
        a source of logs needs a product, such as "telematics"
        ---
        token 1: expected the SHA-256 of a token in 64 hexadecimal digits, as `yagura source token` prints it
        ---
        a source of logs has no senders: its tokens say who it is
        ---
        TOML parse error at line 5, column 10
          |
        5 | user = { feild = "a" }
          |          ^^^^^
        unknown field `feild`, expected one of `field`, `format`, `map`, `default`

        ---
        sender 1: needs an address or a topic, and only one of them
        ---
        sender 1: address "10.0.0.0/33", expected one such as 10.1.2.3, 10.1.0.0/16 or fd00::/8
        ---
        sender 1: topic "oem/#", expected levels such as oem/{vehicle}/idsr/{sensor}
        ---
        sender 1: vehicle and sensor must be given, or stand in the topic as {vehicle} and {sensor}
        ---
        sender 1: 1 bytes are no ed25519 key"#]]
    .assert_eq(&all.join("\n---\n"));
}

proptest! {
    #[test]
    fn any_text_is_a_source_or_an_error(text in ".{0,200}", topic in "[a-z/{}+]{0,30}", network in "[0-9a-f:./]{0,20}") {
        let _ = parse(&text);
        let _ = parse(&format!("kind='idsr'\ntenant='a'\n[[sender]]\nvehicle='v'\nsensor='s'\ntopic='{topic}'"))
            .map(|source| source.sender(None, Some(&topic)).is_some());
        let _ = parse(&format!("kind='idsr'\ntenant='a'\n[[sender]]\nvehicle='v'\nsensor='s'\naddress='{network}'"));
    }
}
