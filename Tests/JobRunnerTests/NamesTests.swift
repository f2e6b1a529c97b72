import JobRunner
import Testing

@Suite("Names")
struct NamesTests {
    static let good = [
        "a", "default", "email.welcome", "A-Z_0.9", String(repeating: "x", count: 64),
    ]
    static let bad = [
        "", "a:b", "{x}", "a b", "é", "👍", "a\n", "a\0b", "*", "?", "[a]", "a/b", "@", "`", "a,b",
        "^", "~", "\u{7F}", String(repeating: "x", count: 65),
        String(repeating: "x", count: 10_000),
    ]

    @Test(arguments: good)
    func `letters, digits, dot, underscore and dash are allowed`(text: String) throws {
        #expect(try JobID(text).description == text)
        #expect(try QueueName(text).description == text)
        #expect(try NameError.check(text, as: .job) == text)
    }

    @Test(arguments: bad)
    func `all else is refused`(text: String) {
        #expect(throws: NameError.self) { try JobID(text) }
        #expect(throws: NameError.self) { try QueueName(text) }
        #expect(throws: NameError.self) { try NameError.check(text, as: .job) }
    }

    @Test func `of the ASCII bytes, 65 are allowed`() {
        let allowed = (0...127).filter { byte in
            (try? JobID(String(UnicodeScalar(UInt8(byte))))) != nil
        }
        #expect(allowed.count == 26 + 26 + 10 + 3)
    }

    @Test(
        arguments: [
            (.queue, "a:b", "queue name 'a:b' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"),
            (.id, "", "id '' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"),
            (
                .job, "a\nb\u{202E}\u{1B}\u{85}",
                #"job name 'a\nb\u{202E}\u{1B}\u{85}' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"#
            ),
        ] as [(NameError.Kind, String, String)])
    func `the error quotes the value, escaped`(kind: NameError.Kind, text: String, line: String) {
        let error = #expect(throws: NameError.self) { try NameError.check(text, as: kind) }
        #expect(error?.description == line)
    }

    @Test func `the error cuts a long value to 80 characters`() {
        let error = #expect(throws: NameError.self) { try JobID(String(repeating: "x", count: 99)) }
        #expect(error?.value == String(repeating: "x", count: 79) + "…")
    }

    @Test(
        arguments: [
            ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("ab\n", 3, "ab…"), ("a\n", 3, "a\\n"),
            ("\u{202E}abc", 4, "…"), ("e\u{301}e\u{301}", 3, "e\u{301}…"), (#"\"#, 9, #"\\"#),
        ])
    func `printable text has at most as many scalars as allowed`(
        text: String, limit: Int, shown: String
    ) {
        #expect(printable(text, limit: limit) == shown)
    }

    @Test func `a handle prints as queue and id`() throws {
        let handle = try JobHandleID("mail/01ARYZ6S41")
        #expect(handle.queue == (try QueueName("mail")))
        #expect(handle.id == (try JobID("01ARYZ6S41")))
        #expect(handle.description == "mail/01ARYZ6S41")
        #expect(try JobHandleID("x1").description == "default/x1")
        #expect(try JobHandleID("x1", fallback: handle.queue).description == "mail/x1")
    }

    @Test(arguments: ["", "/", "a/", "/b", "a/b/c", "a:b/c"])
    func `a text that is no handle is refused`(text: String) {
        #expect(throws: NameError.self) { try JobHandleID(text) }
    }
}
