//! SBOMs from suppliers: any bytes are components and anomalies, or one error; what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_psirt::component::Inventory;
use yagura_psirt::sbom;

fuzz_target!(|bytes: &[u8]| {
    let _ = sbom::validate(bytes);
    let mut inventory = Inventory::default();
    if sbom::read(bytes, &mut inventory).is_err() {
        return;
    }
    inventory.settle();
    let header = sbom::Header {
        name: "fuzz".to_owned(),
        namespace: "https://example.org/fuzz".to_owned(),
        created: yagura_psirt::Instant(0),
        tool: "fuzz".to_owned(),
    };
    for written in [
        sbom::write_cyclonedx(&inventory, &header),
        sbom::write_spdx2(&inventory, &header),
        sbom::write_spdx3(&inventory, &header),
    ] {
        let mut again = Inventory::default();
        let read = sbom::read(written.text.as_bytes(), &mut again);
        assert!(read.is_ok_and(|document| document.complete));
        assert_eq!(again.components.len(), inventory.components.len());
    }
});
