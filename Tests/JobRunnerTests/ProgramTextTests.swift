import FoundationEssentials
import Testing

@testable import JobRunner

@Suite("what programs print")
struct ProgramTextTests {
    @Test(arguments: [
        "null", " true ", "0", "-1.5e+10", "\"\\u00e9\\n\"", "[]", "[1, [2]]", "{}",
        "{\"a\":{\"b\":[]}, \"a\" : 1}", "\"é\"",
    ])
    func `is JSON`(text: String) {
        #expect(JSONText.isValid(Array(text.utf8)))
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "01", "1.", ".5", "+1", "1e", "-", "\"", "\"\n\"", "\"\\x\"",
        "\"\\u12g4\"", "[1,]", "[1 2]", "{\"a\"}", "{a:1}", "{\"a\":1,}", "1 2", "NaN", "'a'",
        String(repeating: "[", count: 100_000),
    ])
    func `is not JSON`(text: String) {
        #expect(!JSONText.isValid(Array(text.utf8)))
    }

    @Test func `is not JSON when it is not UTF-8`() {
        #expect(!JSONText.isValid([0x22, 0xFF, 0x22]))
    }

    @Test func `has members whose bytes stay as they are`() throws {
        let text = Array(#" {"a" : 1.10 , "\u0062":{"c":[]},"a":2.00} "#.utf8)
        let members = try #require(JSONText.members(text[...]))
        #expect(
            members.mapValues { String(decoding: $0, as: UTF8.self) }
                == ["a": "2.00", "b": #"{"c":[]}"#])
        #expect(JSONText.members(Array("[1]".utf8)[...]) == nil)
    }

    @Test(arguments: ["", "plain", "\"\\\n\u{0}\u{1F}é🦆\u{2028}"])
    func `survives being quoted`(text: String) {
        #expect(JSONText.string(JSONText.quoted(text)[...]) == text)
    }

    @Test func `comes in pieces and is put together to lines`() {
        var lines = ProgramLines()
        var seen: [String] = []
        var cuts: [Bool] = []
        for piece in [
            "a", "b\r\n\nc", String(repeating: "x", count: 8191), "yz", "\n", "  \n", "d",
        ] {
            lines.append(Array(piece.utf8)) {
                seen.append($0); cuts.append($1)
            }
        }
        #expect(lines.last?.count == 8192)
        lines.close {
            seen.append($0); cuts.append($1)
        }
        #expect(seen == ["ab", "", "c" + String(repeating: "x", count: 8191), "  ", "d"])
        #expect(cuts == [false, false, true, false, false])
        #expect(lines.last == "d")
    }
}
