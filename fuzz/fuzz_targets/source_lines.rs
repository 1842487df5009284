//! Bodies of log requests from anyone: any bytes in any form are rows and named bad lines, or one error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_sources::{Form, Source, SourceKind, each_row};

const SOURCE: &str = r#"
kind = "logs"
tenant = "acme"
product = "api"
[columns]
time = { field = "ts" }
vehicle = { field = ["vin", "a.b", "resource.vehicle.id"] }
user = { field = "attributes.key" }
status_code = { field = "code" }
severity = { field = "level" }
message = { field = "body" }
"#;

fuzz_target!(|body: &[u8]| {
    let Ok(source) = Source::parse("fuzz", SOURCE) else { return };
    let SourceKind::Logs(logs) = source.kind else { return };
    for form in [Form::JsonLines, Form::OtlpProtobuf, Form::OtlpJson] {
        let mut handed = 0;
        if let Ok(count) = each_row(&logs.mapping, form, body, |_, _| handed += 1) {
            assert_eq!(count, handed);
        }
    }
});
