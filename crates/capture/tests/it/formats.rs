//! The formats of other tools, one small capture each.

use crate::tell;
use expect_test::{Expect, expect};
use yagura_capture::{Label, Reader};

fn check(text: &str, expect: Expect) {
    expect.assert_eq(&tell(text));
}

#[test]
fn vector_asc_in_hexadecimal_holds_classic_fd_remote_and_error_frames() {
    check(
        "date Wed Mar 25 01:00:37.644 pm 2020\r\n\
         base hex  timestamps absolute\r\n\
         internal events logged\r\n\
         // version 11.0.0\r\n\
         Begin Triggerblock Wed Mar 25 01:00:37.644 pm 2020\r\n   \
         0.000000 Start of measurement\r\n   \
         0.020974 CAN 1 Status:chip status error active\r\n   \
         0.153600 1  594\tRx   d 8 34 21 34 21 A0 61 04 20 \r\n   \
         0.153850 2  18FEDF00x       Tx   d 2 01 02  Length = 699442 BitCount = 74 ID = 1111\r\n   \
         0.154000 1  7DF             Rx   r 8\r\n   \
         0.155000 1  7DF             Rx   r\r\n   \
         0.156000 2  ErrorFrame\tFlags = 0xfffe\tCodeExt = 0x20aa\r\n   \
         0.157000 1  Statistic: D 0 R 0 XD 0 XR 0 E 0 O 0 B 0.00%\r\n   \
         0.158000 CANFD   1 Rx        123                                   1 0 9 12 01 02 03 04 05 06 07 08 09 0A 0B 0C   130000  130   303000 0\r\n   \
         0.159000 CANFD   1 Tx        18FEDF00x  EngineData                 0 0 1  1 01   130000  130   200000 0\r\n   \
         0.160000 1  594 Rx d 8 34 21\r\n\
         End TriggerBlock\r\n",
        expect![[r#"
            0.153600 bus 1 594 34213421A0610420
            0.153850 bus 2 18FEDF00 0102
            0.154000 bus 1 7DF  remote 8
            0.155000 bus 1 7DF  remote 0
            0.156000 bus 2 00000080 0000000000000000 error
            0.158000 bus 1 123 0102030405060708090A0B0C fd brs
            0.159000 bus 1 18FEDF00 01
            line 16: length does not match the data
            7 frames, 1 unreadable, 0 untimed, 0 backward, buses [1=1 2=2]
        "#]],
    );
}

#[test]
fn vector_asc_in_decimal_with_relative_times_is_summed() {
    check(
        "base dec  timestamps relative\n0.5 1  256 Rx d 3 10 255 0\n0.25 1  419356416x Rx d 1 7\n",
        expect![[r#"
            0.500000 bus 1 100 0AFF00
            0.750000 bus 1 18FEDF00 07
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [1=1]
        "#]],
    );
}

#[test]
fn pcan_traces_of_all_versions_are_read() {
    check(
        ";   Message Number\n;---+--   ----+----\n     1)      1841 0001  8  00 00 00 00 00 00 00 00 \n     2)      1842.5 18FEDF00  0  RTR \n",
        expect![[r#"
            1.841000 bus 0 001 0000000000000000
            1.842500 bus 0 18FEDF00  remote 0
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
    check(
        ";$FILEVERSION=1.1\r\n;$STARTTIME=44388.8964939595\r\n;\r\n     1)         3.0  Rx         0210  7  FF FF 30 68 90 00 1E \r\n\
             2)         3.3  Warng      FFFFFFFF  4  00 00 00 08  BUSHEAVY \r\n     3)         4.1  Error      0008  4  00 19 08 08 \r\n",
        expect![[r#"
            0.003000 bus 0 210 FFFF306890001E
            0.004100 bus 0 00000080 0000000000000000 error
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
    check(
        ";$FILEVERSION=1.3\n     1)  1059.900 2  Rx        0300 -  7    00 00 00 00 04 00 00 \n     2)  1060.100 1  Tx    18FEDF00 -  8    RTR \n",
        expect![[r#"
            1.059900 bus 2 300 00000000040000
            1.060100 bus 1 18FEDF00  remote 8
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [2=2 1=1]
        "#]],
    );
    check(
        ";$FILEVERSION=2.1\n;$STARTTIME=43008.920986006946\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n;\n      \
         1      1059.900 DT 1      0300 Rx -  7    00 00 00 00 04 00 00 \n      \
         2      1283.231 FB 1  18FEDF00 Rx -  9    01 02 03 04 05 06 07 08 09 0A 0B 0C \n      \
         3      1298.945 ST 1         - Rx -  4    00 00 00 08 \n      \
         4      1323.201 ER 2         - Rx -  5    04 00 02 00 00 \n      \
         5      1334.416 RR 1      013A Rx -  3    \n",
        expect![[r#"
            1.059900 bus 1 300 00000000040000
            1.283231 bus 1 18FEDF00 0102030405060708090A0B0C fd brs
            1.323201 bus 2 00000080 0000000000000000 error
            1.334416 bus 1 13A  remote 3
            4 frames, 0 unreadable, 0 untimed, 0 backward, buses [1=1 2=2]
        "#]],
    );
}

#[test]
fn tables_are_read_by_the_names_of_their_columns() {
    check(
        "\u{feff}Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\r\n\
         1000000,0000012D,FALSE,Tx,0,8,A0,28,02,A0,0C,71,CF,49\r\n\
         1047453,18FEDF00,true,Rx,1,2,9,0,0,0,0,0,0,0\r\n\
         1050040,2.00E+06,0,Rx,0,1,00\r\n",
        expect![[r#"
            1.000000 bus 0 12D A02802A00C71CF49
            1.047453 bus 1 18FEDF00 0900
            line 4: identifier is no number up to 7FF, or for 29 bits up to 1FFFFFFF
            2 frames, 1 unreadable, 0 untimed, 0 backward, buses [0=0 1=1]
        "#]],
    );
    check(
        "timestamp,arbitration_id,extended,remote,error,dlc,data\n\
         1700000000.123456,0x18fedf00,1,0,0,3,AQID\n1700000000.2,0x7df,0,1,0,8,\n1700000000.3,0x4,1,0,1,1,/w==\n",
        expect![[r#"
            1700000000.123456 bus 0 18FEDF00 010203
            1700000000.200000 bus 0 7DF  remote 8
            1700000000.300000 bus 0 00000004 FF error
            3 frames, 0 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
    check(
        "timestamp,iface,can_id,dlc,data,priority,label\n0.000536,can0,419356416,2,90A0,6,normal\n",
        expect![[r#"
            0.000536 bus 0 18FEDF00 90A0
            1 frames, 0 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
    check(
        "1478198376.389427,0316,8,05,21,68,09,21,21,00,6f,R\n1478198376.389636,018f,2,fe,5b,T\n",
        expect![[r#"
            1478198376.389427 bus 0 316 052168092121006F
            1478198376.389636 bus 0 18F FE5B
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
}

#[test]
fn labels_come_beside_the_frames() {
    let text = "t,bus,id,ext,data,label,attack\n0.1,0,110,0,02,0,\n0.2,0,110,0,03,1,masquerade\n0.3,0,110,0,03,1,\n0.4,0,110,0,03,1,masquerade\n";
    let mut reader = Reader::new(text.as_bytes());
    let mut labels = Vec::new();
    while let Some(frame) = reader.next() {
        assert!(frame.is_ok());
        labels.push(reader.label());
    }
    let attack = |name| Some(Label::Attack { name });
    assert_eq!(labels, [Some(Label::Clean), attack(Some(0)), attack(None), attack(Some(0))]);
    assert_eq!(reader.summary().attacks, ["masquerade"]);
    assert_eq!(reader.summary().format, Some("normalised CSV"));
    let mut plain = Reader::new("t,bus,id,ext,data\n0.1,0,110,0,02\n".as_bytes());
    assert!(plain.next().is_some_and(|frame| frame.is_ok()));
    assert_eq!(plain.label(), None);
}

#[test]
fn small_traces_are_read() {
    check(
        "Time   ID     DLC Data                    Comment\n59,900 12A      2 00 E4                   \n00,100 18FEDF00 1 07 a comment\n",
        expect![[r#"
            59.900000 bus 0 12A 00E4
            60.100000 bus 0 18FEDF00 07
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
    check(
        "@ TEXT @ 3 @ 64 @ 0 @ 1149 @ 7459 @ 00:00:07.459 @\r# $LocalTime=11:19:54.503\r26,641405\t1\t00000004\t112\t2\t00 20\t00000000\t  \t\r",
        expect![[r#"
            26.641405 bus 1 112 0020
            1 frames, 0 unreadable, 0 untimed, 0 backward, buses [1=1]
        "#]],
    );
    check(
        "\nwith safety plug in place\n\n176487  51E  8  0 0 0 0 C 0 0 0 \n",
        expect![[r#"
            line 2: no interface, identifier and data as candump writes them
            176.487000 bus 0 51E 000000000C000000
            1 frames, 1 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
    check(
        "1542473901.020305 CXX OVMS CRTD\n1542473901.020305 1R11 7E8 02 41 00\n1542473901.020400 T29 18DB33F1 02 01 0D\n",
        expect![[r#"
            1542473901.020305 bus 1 7E8 024100
            1542473901.020400 bus 0 18DB33F1 02010D
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [1=1 can0=0]
        "#]],
    );
    check(
        "***BUSMASTER Ver 2.4.0***\n***PROTOCOL CAN***\n***HEX***\n22:20:14:9921 Rx 1 0x21A s 2 FE 36\n22:20:15:0000 Tx 2 0x18FEDF00 x 1 07\n22:20:15:5 Rx 1 0x21A sr 4\n",
        expect![[r#"
            80414.992100 bus 1 21A FE36
            80415.000000 bus 2 18FEDF00 07
            80415.500000 bus 1 21A  remote 4
            3 frames, 0 unreadable, 0 untimed, 0 backward, buses [1=1 2=2]
        "#]],
    );
}

#[test]
fn tables_of_analysers_are_read() {
    check(
        "ParserFlags\tCh\tCounter\tT/R\tTime\tFlags\tCAN ID\tLen\tData\t\n1\t0\t1\tRX\t565214935\t\t0x00000603\t1\t0x00 \t\n1\t0\t2\tRX\t565214958\t\t0x18fedf00\t2\t0xa0 6d \tDefault Parser\t\n",
        expect![[r#"
            565214.935000 bus 0 603 00
            565214.958000 bus 0 18FEDF00 A06D
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [0=0]
        "#]],
    );
    check(
        "NO    Direction  Time Scale        Frame Type      Frame Format        Frame ID    Length        \0 Data \r\n\
         0     \0Receive     \x0021:11:45:171     \0Data frame     \0Standard frame     \x00000001d4     \x002     \x00a0 6d      \0\r\n",
        expect![[r#"
            76305.171000 bus 0 1D4 A06D
            1 frames, 0 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
    check(
        "CAN speed 1: 500k CAN speed 2: 500k\n\t\n>\t0\t   17:18:39.303:4446.00\tSt\t0x197\t0\t2\t64\tE0\t \t \t \t \t \t \tp:1\n>\t1\t   17:19:9.69:1.00\tSt\t0x197\t0\t1\t07\t \t \t \t \t \t \t \tp:2\n",
        expect![[r#"
            62319.303000 bus 1 197 64E0
            62349.069000 bus 2 197 07
            2 frames, 0 unreadable, 0 untimed, 0 backward, buses [1=1 2=2]
        "#]],
    );
    check(
        "TX: Timestamp:        0.000000        ID: 0700    000    DLC: 8    02 10 03 00 00 00 00 00\n\
         RX: Timestamp: 1491981159.912582        ID: 077d    000    DLC: 2    06 50\nTimestamp: 1491981160.0    ID: 00000123    X Rx F BS           DL: 12    01 02 03 04 05 06 07 08 09 0a 0b 0c     Channel: can1\n",
        expect![[r#"
            0.000000 bus 0 700 0210030000000000
            1491981159.912582 bus 0 77D 0650
            1491981160.000000 bus 1 00000123 0102030405060708090A0B0C fd brs
            3 frames, 0 unreadable, 1 untimed, 0 backward, buses [can0=0 can1=1]
        "#]],
    );
}

#[test]
fn times_below_zero_are_shifted_and_the_shift_is_told() {
    let text =
        "Time Stamp,ID,Extended,Bus,LEN,D1\n-1767062175875212,5C0,false,0,1,63\n-1767062175874870,5C1,false,0,1,00\n";
    let mut reader = Reader::new(text.as_bytes());
    let times: Vec<i64> = std::iter::from_fn(|| {
        let frame = reader.next()?.ok()?;
        Some(frame.time.0.cast_signed() + reader.shift_micros())
    })
    .collect();
    assert_eq!(times, [-1_767_062_175_875_212, -1_767_062_175_874_870]);
    assert_eq!(reader.summary().shifts, 1);
}
