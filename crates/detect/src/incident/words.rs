//! Incidents in words, English and Japanese: the title, and the reasons of the score.
//!
//! Not the words of a console's labels. Made from an incident's summary alone, so they can be made again from what is stored.

use super::assess::{Reason, Share, Summary};
use super::link::Kind;
use super::tactic::Tactic;
use super::weights::Domain;
use yagura_columns::Text;
use yagura_model::Severity;

/// From so many steps on an attack by diagnosis is a takeover.
const TAKEOVER_STEPS: usize = 3;

/// Whom an incident is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Subject<'a> {
    /// Its only vehicle.
    pub vehicle: Option<&'a str>,
    /// What else its alerts name, by field: `user` and the like.
    pub entity: Option<(&'a str, &'a str)>,
}

fn text(en: impl Into<String>, ja: impl Into<String>) -> Text {
    Text { en: en.into(), ja: ja.into() }
}

/// The title of an incident: what happens, and to whom.
#[must_use]
pub fn title(summary: &Summary<'_>, subject: &Subject<'_>) -> Text {
    let Some(gravest) = summary.gravest() else { return text("Incident", "インシデント") };
    let what = match (summary.kind, summary.shares) {
        (Kind::Wave, _) | (_, [_]) => gravest.title.clone(),
        _ => attack(gravest, summary.steps().len()),
    };
    let whom = whom(summary, subject);
    text(format!("{}: {}", what.en, whom.en), format!("{}：{}", what.ja, whom.ja))
}

fn attack(gravest: &Share, steps: usize) -> Text {
    match gravest.domain {
        Domain::Can => text("Attack on the vehicle bus", "車載バスへの攻撃"),
        Domain::Diag if steps >= TAKEOVER_STEPS => text("Diagnostic takeover", "診断による乗っ取り"),
        Domain::Diag => text("Attack by diagnosis", "診断を使った攻撃"),
        Domain::Ethernet => text("Attack on the vehicle network", "車載ネットワークへの攻撃"),
        Domain::Ota => text("Attack on updates", "ソフトウェア更新への攻撃"),
        Domain::Workshop => text("Misuse of workshop access", "整備用アクセスの悪用"),
        Domain::Telematics => text("Misuse of remote services", "遠隔サービスの悪用"),
        Domain::V2x => text("Attack on V2X messages", "V2X メッセージへの攻撃"),
        Domain::DigitalKey => text("Attack on vehicle keys", "車両の鍵への攻撃"),
        Domain::Charging => text("Attack on charging", "充電への攻撃"),
        Domain::Pki => text("Misuse of certificates", "証明書の悪用"),
        Domain::Ivi => text("Attack on infotainment", "インフォテインメントへの攻撃"),
        Domain::Mobile => text("Attack on accounts", "アカウントへの攻撃"),
        Domain::Api => text("Attack on the back end", "バックエンドへの攻撃"),
        Domain::Link => text("Attack on reporting", "報告経路への攻撃"),
        Domain::Sensor => text("Sensor in trouble", "センサーの異常"),
        Domain::Other => gravest.title.clone(),
    }
}

fn whom(summary: &Summary<'_>, subject: &Subject<'_>) -> Text {
    let vehicles = summary.vehicles();
    match (subject.vehicle, subject.entity) {
        (Some(vehicle), _) if vehicles <= 1 => text(format!("vehicle {vehicle}"), format!("車両 {vehicle}")),
        (_, None) if vehicles == 0 => text("the fleet's services", "フリートのサービス"),
        (_, Some((field, value))) if vehicles == 0 => entity(field, value),
        _ => text(format!("{vehicles} vehicles"), format!("車両 {vehicles} 台")),
    }
}

fn entity(field: &str, value: &str) -> Text {
    match field {
        "user" => text(format!("account {value}"), format!("アカウント {value}")),
        "src_ip" => text(format!("address {value}"), format!("アドレス {value}")),
        "session" => text(format!("session {value}"), format!("セッション {value}")),
        _ => text(value, value),
    }
}

/// A reason of the score in words.
#[must_use]
pub fn reason(reason: &Reason) -> Text {
    match reason {
        Reason::Touches { title, domain, level, acts } => {
            let (what, level) = (domain_words(*domain), severity_words(*level));
            let (en, ja) = match acts {
                true => (", with a technique that changes what control units do", "、制御ユニットの動作を変える技術"),
                false => ("", ""),
            };
            text(
                format!("“{}” is of level {} and looks at {}{en}.", title.en, level.en, what.en),
                format!("「{}」はレベル「{}」で、対象は{}{ja}です。", title.ja, level.ja, what.ja),
            )
        }
        Reason::Event(severity) => {
            let severity = severity_words(*severity);
            text(
                format!("Its events are {} by the event catalogue.", severity.en),
                format!("イベントカタログでの深刻度は「{}」です。", severity.ja),
            )
        }
        Reason::Precision(percent) => text(
            format!("Only {percent} % of this rule's alerts were right so far."),
            format!("このルールのアラートのうち、これまで正しかったのは {percent} % です。"),
        ),
        Reason::Rules(count) => {
            text(format!("{count} different rules fired."), format!("{count} 個の異なるルールが検知しました。"))
        }
        Reason::Observers(count) => text(
            format!("{count} different kinds of source saw it."),
            format!("{count} 種類の異なる情報源で観測されました。"),
        ),
        Reason::Steps(tactics) => {
            let names: Vec<Text> = tactics.iter().map(|tactic| tactic_words(*tactic)).collect();
            let en: Vec<&str> = names.iter().map(|name| name.en.as_str()).collect();
            let ja: Vec<&str> = names.iter().map(|name| name.ja.as_str()).collect();
            text(
                format!("Tactics followed each other: {}.", en.join(", then ")),
                format!("戦術が順に続きました：{}。", ja.join("→")),
            )
        }
        Reason::Alone => {
            text("One rule alone; nothing else confirms it.", "一つのルールだけで、裏付けはほかにありません。")
        }
        Reason::Vehicles(0) => text("No vehicle is named.", "車両は特定されていません。"),
        Reason::Vehicles(1) => text("One vehicle.", "車両 1 台です。"),
        Reason::Vehicles(count) => text(format!("{count} vehicles."), format!("車両 {count} 台に及びます。")),
        Reason::Models(count) => text(format!("Vehicles of {count} models."), format!("{count} 車種に及びます。")),
        Reason::Moving => text("A vehicle was moving.", "走行中の車両で起きました。"),
        Reason::Standing => text("No vehicle was moving.", "車両は停止中でした。"),
        Reason::StateUnknown => {
            text("It is not known whether a vehicle was moving.", "車両が走行中だったかは不明です。")
        }
        Reason::NoVehicle => text("It is about no vehicle.", "車両に関するものではありません。"),
    }
}

/// A tactic's name for people.
#[must_use]
pub fn tactic_words(tactic: Tactic) -> Text {
    match tactic {
        Tactic::InitialAccess => text("initial access", "初期アクセス"),
        Tactic::Execution => text("execution", "実行"),
        Tactic::Persistence => text("persistence", "永続化"),
        Tactic::PrivilegeEscalation => text("privilege escalation", "権限昇格"),
        Tactic::Evasion => text("evasion", "防御回避"),
        Tactic::CredentialAccess => text("credential access", "認証情報アクセス"),
        Tactic::Discovery => text("discovery", "探索"),
        Tactic::LateralMovement => text("lateral movement", "水平展開"),
        Tactic::Collection => text("collection", "収集"),
        Tactic::CommandAndControl => text("command and control", "遠隔操作"),
        Tactic::InhibitResponseFunction => text("inhibiting responses", "対応機能の阻害"),
        Tactic::ImpairProcessControl => text("impairing control", "制御の妨害"),
        Tactic::Impact => text("impact", "影響"),
    }
}

fn severity_words(severity: Severity) -> Text {
    match severity {
        Severity::Informational => text("informational", "情報"),
        Severity::Low => text("low", "低"),
        Severity::Medium => text("medium", "中"),
        Severity::High => text("high", "高"),
        Severity::Critical => text("critical", "重大"),
    }
}

fn domain_words(domain: Domain) -> Text {
    match domain {
        Domain::Can => text("the vehicle bus", "車載バス"),
        Domain::Diag => text("diagnosis", "診断"),
        Domain::Ethernet => text("the vehicle network", "車載ネットワーク"),
        Domain::Ota => text("updates", "ソフトウェア更新"),
        Domain::Workshop => text("workshop access", "整備用アクセス"),
        Domain::Telematics => text("remote services", "遠隔サービス"),
        Domain::V2x => text("V2X messages", "V2X メッセージ"),
        Domain::DigitalKey => text("vehicle keys", "車両の鍵"),
        Domain::Charging => text("charging", "充電"),
        Domain::Pki => text("certificates", "証明書"),
        Domain::Ivi => text("infotainment", "インフォテインメント"),
        Domain::Mobile => text("apps and accounts", "アプリとアカウント"),
        Domain::Api => text("the back end", "バックエンド"),
        Domain::Link => text("reporting", "報告経路"),
        Domain::Sensor => text("sensors", "センサー"),
        Domain::Other => text("other sources", "その他の情報源"),
    }
}
