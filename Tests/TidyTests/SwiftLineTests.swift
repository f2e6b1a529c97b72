import Testing

@Suite("Telling code, strings and comments apart")
struct SwiftLineTests {
    @Test(arguments: [
        ("a // b", "a "), ("a /* b /* c */ d */ e", "a  e"), ("\"a // b\" c", "\"\" c"),
        ("\"a\\\"b\" c", "\"\" c"), ("#\"a\"b\"# c", "#\"\"# c"), ("\"\\(f(\"x\"))y\" c", "\"\" c"),
        ("#\"\\(a)\"# c", "#\"\"# c"), ("\"open", "\""), ("`a sleep(b` c", "`` c"),
    ])
    func `in one line`(text: String, code: String) {
        #expect(SwiftLine.lines(of: text).map(\.code) == [code])
    }

    @Test func `over lines`() {
        let text = "a\n/* b\nc */ d\n\"\"\"\n  e // \"f\"\n\"\"\" g\n\nh"
        let lines = SwiftLine.lines(of: text)
        #expect(lines.map(\.code) == ["a", "", " d", "\"\"\"", "", "\"\"\" g", "", "h"])
        #expect(
            lines.map(\.hasComment) == [false, true, true, false, false, false, false, false])
        #expect(lines[4].codeAndStrings == "  e // \"f\"")
        #expect(lines.map(\.isBlank) == [false, false, false, false, false, false, true, false])
    }
}
