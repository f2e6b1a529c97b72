import Foundation
import Testing

@testable import JobRunnerCLI

@Suite("Times, JSON and lines")
struct SharedTextTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2000-02-29T23:59:59.999Z", 951_868_799_999),
        ("2026-01-31T12:30:00+01:00", 1_769_859_000_000),
        ("2026-01-31 12:30:00.5-0530", 1_769_882_400_500),
        ("1969-12-31t23:59:59z", -1000), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.9999Z", 253_402_300_799_999),
    ])
    func `a time is read as RFC 3339`(text: String, milliseconds: Int) {
        #expect(RFC3339.parse(text) == milliseconds)
    }

    @Test(arguments: [
        "", "2026-01-31", "2026-01-31T12:30:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00Zx", "26-01-01T00:00:00Z", "-026-01-01T00:00:00Z",
        "2026-01-01T00:00:00+25:00", "٢٠٢٦-01-01T00:00:00Z",
    ])
    func `what is no time is refused`(text: String) {
        #expect(RFC3339.parse(text) == nil)
    }

    @Test func `times are written as they are read`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let time = Int.random(in: -62_135_596_800_000...253_402_300_799_999, using: &generator)
            #expect(RFC3339.parse(RFC3339.format(milliseconds: time)) == time)
        }
        #expect(RFC3339.format(milliseconds: 951_868_799_999) == "2000-02-29T23:59:59.999Z")
        #expect(RFC3339.format(milliseconds: .max) == "9999-12-31T23:59:59.999Z")
        #expect(RFC3339.format(milliseconds: .min) == "0001-01-01T00:00:00.000Z")
    }

    @Test func `JSON for a terminal reads the same and moves no cursor`() throws {
        let text = "a\"\\\n\t\u{1B}[2J\u{9B}\u{202E}\u{E0041}é😀"
        let shown = TerminalJSON.string(text)
        #expect(shown.unicodeScalars.allSatisfy(Printable.isSafe))
        #expect(try JSONDecoder().decode(String.self, from: Data(shown.utf8)) == text)
        let raw = Array("{\n \"a\": \"\u{9B}\u{7F}\"\n}".utf8)
        #expect(TerminalJSON.line(raw) == #"{  "a": "\u009b\u007f" }"#)
    }

    @Test func `an object keeps the order of its members`() {
        var object = JSONObject.versioned
        object.set("b", "x")
        object.set("a", 2)
        object.set("none", nil as String?)
        object.set("t", time: 0)
        object.set("f", false)
        #expect(
            object.text
                == #"{"version":1,"b":"x","a":2,"t":"1970-01-01T00:00:00.000Z","f":false}"#)
    }

    @Test func `lines come whole, however they are cut, and long ones only as a size`() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let lengths = [0, 1, 65_535, 65_536, 65_537, 0, 200_000, 7]
        let lines = lengths.map { [UInt8](repeating: 120, count: $0) }
        try Data(lines.joined(separator: [10])).write(to: URL(filePath: path))
        let file = try InputFile(path, standardInput: -1)
        var reader = LineReader(file, limit: 100_000, interrupts: try Interrupts())
        for (index, line) in lines.enumerated() {
            let event = try reader.next(waits: true)
            #expect(
                event == (line.count > 100_000 ? .tooLong(bytes: line.count) : .line(line)))
            #expect(reader.number == index + 1)
        }
        #expect(try reader.next(waits: true) == .end)
        #expect(reader.consumed == file.size)
    }

    @Test func `no more than the limit is read of a file`() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(repeating: 120, count: 1000).write(to: URL(filePath: path))
        #expect(try InputFile(path, standardInput: -1).readAll(limit: 1000)?.count == 1000)
        #expect(try InputFile(path, standardInput: -1).readAll(limit: 999) == nil)
        #expect(try InputFile("/dev/zero", standardInput: -1).readAll(limit: 999) == nil)
    }
}
