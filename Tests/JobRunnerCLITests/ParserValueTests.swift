import Testing

@testable import JobRunnerCLI

@Suite("Values")
struct ParserValueTests {
    @Test(arguments: [
        ("250ms", Duration.milliseconds(250)), ("30s", .seconds(30)), ("5m", .seconds(300)),
        ("2h", .seconds(7200)), ("7d", .seconds(604_800)), ("0s", .zero), ("90s", .seconds(90)),
    ])
    func `a duration is read and shown alike`(text: String, expected: Duration) {
        #expect(DurationText.parse(text) == expected)
        #expect(DurationText.parse(DurationText.format(expected)) == expected)
    }

    @Test(arguments: ["30", "", "s", "1.5s", "-1s", "1 s", "1S", "1h30m", "1w", "٣s", "+1s"])
    func `a duration needs digits and one unit`(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        ("0s", "between 3s and 1h"), ("500ms", "between 3s and 1h"), ("2d", "between 3s and 1h"),
        ("99999999999999999d", "between 3s and 1h"),
        ("30", "a duration with its unit (ms, s, m, h, d) between 3s and 1h"),
    ])
    func `a duration outside its range is refused`(text: String, expected: String) {
        #expect(
            Sample.parse(["work", "--visibility-timeout", text]).failure?.message
                == "--visibility-timeout must be \(expected), got '\(text)'")
    }

    @Test(arguments: [
        ("512", 512), ("512B", 512), ("64KiB", 65_536), ("1MiB", 1 << 20), ("2GiB", 2 << 30),
    ])
    func `a size is read and shown alike`(text: String, expected: Int) {
        #expect(ByteSize.parse(text) == expected)
        #expect(ByteSize.parse(ByteSize.format(expected)) == expected)
    }

    @Test(arguments: [("10", 10...10), ("2..8", 2...8), ("3..3", 3...3), ("1..1024", 1...1024)])
    func `a span is read, and shown so that it reads as the same`(
        text: String, expected: ClosedRange<Int>
    ) throws {
        let reader = ValueReader.span(1...1024)
        #expect(try reader.parse(text) == expected)
        #expect(try reader.parse(reader.show(expected)) == expected)
        #expect(reader.show(2...8) == "2..8" && reader.show(10...10) == "10")
    }

    @Test(arguments: [
        "", "0", "1025", "a", "-1", "1.5", "..", "3..", "..8", "a..b", "0..4", "1..1025", "5..2",
        "1...4", "1..2..3", "1 .. 2", "1-4", "99999999999999999999..4",
    ])
    func `a span that is none is refused`(text: String) {
        #expect(throws: InvalidValue.self) { try ValueReader.span(1...1024).parse(text) }
    }

    @Test(arguments: ["", "KiB", "1KB", "1kib", "-1", "1.5MiB", "9999999999GiB", "1 MiB"])
    func `a size needs digits and a binary unit`(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test(arguments: [
        ("redis://h", true), ("redis+sentinel://h1,h2/m", true), ("unix:///tmp/s", true),
        ("localhost", false), ("://h", false), ("redis://", false), ("1a://h", false),
        ("re dis://h", false), ("", false),
    ])
    func `a URL has a scheme and something behind it`(text: String, isURL: Bool) {
        #expect((Sample.parse(["work", "-u", text]).invocation != nil) == isURL)
    }

    @Test(arguments: [
        ("redis://h:1/0", "redis://h:1/0"), ("redis://u:pw@h", "redis://***@h"),
        ("redis://u:p/w@x@h/0", "redis://***@h/0"), ("redis://h?password=pw", "redis://h?***"),
        ("redis://h?p=a@pw", "redis://***"), ("u:pw@h", "***@h"),
    ])
    func `a URL is shown without what may be secret`(url: String, shown: String) {
        #expect(maskedURL(url) == shown)
    }

    @Test func `a choice is one of its words`() {
        #expect(
            Sample.parse("work -o yaml").failure?.message
                == "--output must be one of table, json, got 'yaml'")
        #expect(Sample.parse("work -o JSON").failure != nil)
    }

    @Test func `a choice may be an enumeration`() throws {
        enum Order: String, CaseIterable, Sendable { case strict, weighted }
        let option = Option(
            "order", env: nil, default: Order.strict, placeholder: "ORDER", help: "h",
            read: .choice())
        #expect(option.info.defaultText == "strict")
        #expect(try option.reader.parse("weighted") == .weighted)
        #expect(throws: InvalidValue.self) { try option.reader.parse("other") }
    }
}

@Suite("Escaping")
struct EscapeTests {
    @Test(arguments: [
        ("plain Grüße 日本 👩‍👩‍👧", "plain Grüße 日本 👩‍👩‍👧"), ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u{1B}[31m", "\\u{1B}[31m"), ("\u{9B}2J", "\\u{9B}2J"), ("\u{7F}\u{0}", "\\u{7F}\\u{0}"),
        ("\u{202E}abc\u{2069}", "\\u{202E}abc\\u{2069}"), ("a\u{2028}b", "a\\u{2028}b"),
        ("\u{FEFF}\u{200B}\u{E0041}", "\\u{FEFF}\\u{200B}\\u{E0041}"), ("", ""),
    ])
    func `nothing that steers a terminal gets through`(text: String, expected: String) {
        #expect(escaped(text) == expected)
    }

    @Test func `long text is cut to the limit with a mark`() {
        let exact = String(repeating: "x", count: 80)
        #expect(escaped(exact) == exact)
        #expect(escaped(exact + "y") == String(repeating: "x", count: 79) + "…")
        #expect(escaped(exact + "y", limit: nil) == exact + "y")
        let hostile = String(repeating: "\u{1B}", count: 50)
        #expect(escaped(hostile) == String(repeating: "\\u{1B}", count: 13) + "…")
        let combining = "e" + String(repeating: "\u{301}", count: 5000)
        #expect(escaped(combining).unicodeScalars.count == 80)
    }

    @Test func `a wrong value reaches the message escaped and cut`() {
        let text = "\u{1B}[2J\u{202E}" + String(repeating: "9", count: 200)
        for result in [
            Sample.parse(["work", "-c", text]), Sample.parse(["--" + text]), Sample.parse([text]),
            Sample.parse(["work", text]),
            Sample.parse(["work"], environment: ["JOBRUNNER_CONCURRENCY": text]),
        ] {
            let shown = result.failure?.rendered(executable: "jobrunner") ?? ""
            #expect(shown.contains("\\u{1B}[2J\\u{202E}"))
            #expect(shown.unicodeScalars.allSatisfy { $0 == "\n" || Printable.isSafe($0) })
            #expect(shown.count < 260)
        }
    }
}
