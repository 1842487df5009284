//! The dialects of candump, line by line.

use crate::tell;
use expect_test::{Expect, expect};
use std::io::Write as _;
use yagura_capture::{LINE_BYTES_MAX, PROBE_LINES};

fn check(text: &str, expect: Expect) {
    expect.assert_eq(&tell(text));
}

#[test]
fn a_log_holds_classic_fd_remote_and_error_frames() {
    check(
        "(1596811036.498000) can0 104#FF33737C09DAFF\n\
         (1596811036.498100) can0 18FEDF00#84A0287D7DFFFFF5 R\n\
         (1596811036.4982) can1 123##3112233445566778899AABBCC\n\
         (1596811036.498300) can1 123##0\n\
         (1596811036.498400) vcan0 7DF#R\n\
         (1596811036.498500) vcan0 7DF#R8\n\
         (1596811036.498600) can0 20000004#0004000000000000\n\
         (1596811036.498700123) can0 123#11.22.33\n\
         (1596811036.498800) can0 123#1122334455667788_E\n\
         (         0.450024) can0 0E094000#001C00000001\t\tbody computer wakes up\n",
        expect![[r#"
            1596811036.498000 bus 0 104 FF33737C09DAFF
            1596811036.498100 bus 0 18FEDF00 84A0287D7DFFFFF5
            1596811036.498200 bus 1 123 112233445566778899AABBCC fd brs esi
            1596811036.498300 bus 1 123  fd
            1596811036.498400 bus 2 7DF  remote 0
            1596811036.498500 bus 2 7DF  remote 8
            1596811036.498600 bus 0 00000004 0004000000000000 error
            1596811036.498700 bus 0 123 112233
            1596811036.498800 bus 0 123 1122334455667788
            0.450024 bus 0 0E094000 001C00000001
            10 frames, 0 unreadable, 0 untimed, 1 backward, buses [can0=0 can1=1 vcan0=2]
        "#]],
    );
}

#[test]
fn console_text_is_read_with_and_without_its_optional_columns() {
    check(
        "  can0  120   [4]  00 00 04 9B\n \
         (000.002839)  can0  0CF00300   [8]  D1 00 0B FF FF 0F 66 7E\r\n  \
         can0  RX - -  43F   [8]  1A 7F FB 48 00 00 3F C0   '...H..?.'\n  \
         can0  TX B E  123  [12]  00 01 02 03 04 05 06 07 08 09 0A 0B\n  \
         can0  123  [03]  00 01 02\n  \
         can0  7DF   [0]  remote request\n  \
         can0  20000004   [8]  00 04 00 00 00 00 00 00   ERRORFRAME\n \
         (2020-08-07 15:37:16.498000)  can0  104   [2]  FF 33\n  \
         can0  104   {E}  00 01 02 03 04 05 06 07\n",
        expect![[r#"
            0.000000 bus 0 120 0000049B
            0.002839 bus 0 0CF00300 D1000BFFFF0F667E
            0.002839 bus 0 43F 1A7FFB4800003FC0
            0.002839 bus 0 123 000102030405060708090A0B fd brs esi
            0.002839 bus 0 123 000102 fd
            0.002839 bus 0 7DF  remote 0
            0.002839 bus 0 00000004 0004000000000000 error
            1596814636.498000 bus 0 104 FF33
            1596814636.498000 bus 0 104 0001020304050607
            9 frames, 0 unreadable, 7 untimed, 0 backward, buses [can0=0]
        "#]],
    );
}

#[test]
fn an_unreadable_line_is_said_and_reading_goes_on() {
    check(
        "# a comment\n\n\
         (1.0) can0 104#FF\n\
         (1.0) can0 104#FFF\n\
         (1.0) can0 104#112233445566778899\n\
         (1.0) can0 8FF#00\n\
         (1.0) can0 1234#00\n\
         (1.0) can0 80000001#00\n\
         (1.x) can0 104#00\n\
         (99999999999999999999.0) can0 104#00\n\
         (1.0) can0 104###00\n\
         (1.0) can0 104#R9\n\
         (1.0) can0 20000004#R\n\
         can0 104 [9] 00 00 00 00 00 00 00 00 00\n\
         can0 104 [2] 00\n\
         can0 104 [1] 00 00\n\
         can0 104 [2] 00:00\n\
         can0 104 [65] 00\n\
         (1.0) c\u{e9}n 104#00\n\
         (1.5) can0 104#00\n",
        expect![[r#"
            line 1: no interface, identifier and data as candump writes them
            1.000000 bus 0 104 FF
            line 4: data is not whole bytes, up to 8 or for CAN FD 64
            line 5: data is not whole bytes, up to 8 or for CAN FD 64
            line 6: identifier is no number up to 7FF, or for 29 bits up to 1FFFFFFF
            line 7: identifier is no number up to 7FF, or for 29 bits up to 1FFFFFFF
            line 8: identifier is no number up to 7FF, or for 29 bits up to 1FFFFFFF
            line 9: time is neither a number nor a date
            line 10: time is neither a number nor a date
            line 11: CAN XL frame, not supported
            line 12: data is not whole bytes, up to 8 or for CAN FD 64
            line 13: identifier is no number up to 7FF, or for 29 bits up to 1FFFFFFF
            line 14: length does not match the data
            line 15: length does not match the data
            line 16: length does not match the data
            line 17: data is not whole bytes, up to 8 or for CAN FD 64
            line 18: length does not match the data
            line 19: interface name is not 1 to 32 printable characters
            1.500000 bus 0 104 00
            2 frames, 17 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
}

#[test]
fn a_line_that_is_too_long_is_skipped_once_the_format_is_known() {
    let text = format!("(1.0) can0 104#FF\n{}\n(2.0) can0 104#FF\n", "x".repeat(10 * LINE_BYTES_MAX));
    check(
        &text,
        expect![[r#"
        1.000000 bus 0 104 FF
        line 2: line longer than 1024 bytes
        2.000000 bus 0 104 FF
        2 frames, 1 unreadable, 0 untimed, 0 backward, buses [can0=0]
    "#]],
    );
}

#[test]
fn input_of_another_format_ends_with_one_error_that_says_what_it_looks_like() {
    check(
        "no\nframes\nhere\n",
        expect![[r#"
        not a capture of a known format: no readable line at the start; line 1: no interface, identifier and data as candump writes them
        0 frames, 3 unreadable, 0 untimed, 0 backward, buses []
    "#]],
    );
    check(
        &"a line of prose\n".repeat(PROBE_LINES * 2),
        expect![[r#"
        not a capture of a known format: no readable line at the start; line 1: no interface, identifier and data as candump writes them
        0 frames, 64 unreadable, 0 untimed, 0 backward, buses []
    "#]],
    );
    check(
        &"\0".repeat(4 * LINE_BYTES_MAX),
        expect![[r#"
        not a capture of a known format: no readable line at the start; line 1: line longer than 1024 bytes
        0 frames, 1 unreadable, 0 untimed, 0 backward, buses []
    "#]],
    );
    check(
        "PK\x03\x04\n",
        expect![[r#"
        not a capture of a known format: it looks like a zip file: unpack it first
        0 frames, 1 unreadable, 0 untimed, 0 backward, buses []
    "#]],
    );
    check(
        "",
        expect![[r#"
        0 frames, 0 unreadable, 0 untimed, 0 backward, buses []
    "#]],
    );
    check(
        "\n \r\n\n",
        expect![[r#"
        0 frames, 0 unreadable, 0 untimed, 0 backward, buses []
    "#]],
    );
}

#[test]
fn faults_before_the_first_frame_are_told_before_it() {
    check(
        "---\ncandump can0\n  can0  711   [8]  02 10 03 00 00 00 00 00\n",
        expect![[r#"
        line 1: no interface, identifier and data as candump writes them
        line 2: no interface, identifier and data as candump writes them
        0.000000 bus 0 711 0210030000000000
        1 frames, 2 unreadable, 1 untimed, 0 backward, buses [can0=0]
    "#]],
    );
}

#[test]
fn a_gzip_log_is_unpacked_and_a_cut_one_ends_with_an_error() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for n in 0..5_000 {
        writeln!(packer, "({n}.000000) can0 104#{n:08X}").unwrap();
    }
    let packed = packer.finish().unwrap();
    expect!["5000 frames, 0 unreadable, 0 untimed, 0 backward, buses [can0=0]"]
        .assert_eq(tell(&packed).lines().last().unwrap());
    let cut = tell(&packed[..packed.len() / 2]);
    assert!(cut.contains("input ended early"), "{cut}");
}

#[test]
fn times_that_go_back_are_counted() {
    check(
        "(2.0) can0 104#\n(1.0) can0 104#\n(1.0) can0 104#\n",
        expect![[r#"
        2.000000 bus 0 104 
        1.000000 bus 0 104 
        1.000000 bus 0 104 
        3 frames, 0 unreadable, 0 untimed, 1 backward, buses [can0=0]
    "#]],
    );
}
