import JobRunner
import Testing

/// The reason a text would be buried with; nil when it is a job.
func reason(_ bytes: [UInt8], limits: Envelope.Limits = .init()) -> String? {
    do throws(EnvelopeError) {
        _ = try Envelope(bytes, limits: limits)
        return nil
    } catch { return error.description }
}

func reason(_ text: String) -> String? { reason(Array(text.utf8)) }

@Suite("Envelope")
struct EnvelopeTests {
    @Test func `the least job is a name`() throws {
        let envelope = try Envelope(Array(#"{"job":"email.welcome"}"#.utf8))
        #expect(envelope.job == "email.welcome")
        #expect(envelope.id == nil)
        #expect(envelope.queue == nil)
        #expect(envelope.maxAttempts == nil)
        #expect(envelope.version == 1)
        #expect(envelope.state == DeliveryState())
        #expect(envelope.arguments == nil)
        #expect(String(decoding: envelope.argumentsData, as: UTF8.self) == "{}")
    }

    @Test(
        arguments: [
            #"{"id":"a1","job":"j","queue":"q","args":{"n":[1]},"enqueued":5,"maxAttempts":1000,"timeLimit":30000,"resultTTL":0,"v":2,"state":{"attempt":3,"errors":[{"type":"T","message":"m","at":9,"attempt":3,"worker":"w"}]}}"#,
            #"  { "state" : {"errors":[{"worker":"w","attempt":3,"at":9,"message":"m","type":"T"}],"attempt":3} , "v":2.0,"resultTTL":-0,"timeLimit":3e4,"maxAttempts":1E+3,"enqueued":5.9,"args"  :{"n":[1]},"queue":"q","job":"j","id":"a1" }  "#
                + "\r\n\t",
            #"{"\u0069d":"\u00611","j\u006fb":"\u006a","queue":"\u0071","args":{"n":[1]},"enqueued":50e-1,"maxAttempts":1000.0,"timeLimit":300000e-1,"resultTTL":0e9,"\u0076":2,"st\u0061te":{"attempt":3,"errors":[1,{"type":"\u0054","message":"m","at":9,"attempt":3,"worker":"w"}]}}"#,
        ])
    func `white space, order, escapes and spellings do not matter`(text: String) throws {
        let envelope = try Envelope(Array(text.utf8))
        #expect(envelope.id?.description == "a1")
        #expect(envelope.job == "j")
        #expect(envelope.queue?.description == "q")
        #expect(envelope.enqueued == 5)
        #expect(envelope.maxAttempts == 1000)
        #expect(envelope.timeLimit == 30_000)
        #expect(envelope.resultTTL == 0)
        #expect(envelope.version == 2)
        #expect(envelope.state.attempt == 3)
        #expect(
            envelope.state.errors == [
                .init(type: "T", message: "m", at: 9, attempt: 3, worker: "w")
            ])
        #expect(String(decoding: envelope.argumentsData, as: UTF8.self) == #"{"n":[1]}"#)
        envelope.withArguments { #expect($0.elementsEqual(#"{"n":[1]}"#.utf8)) }
    }

    @Test func `null stands for what is not set`() throws {
        let text =
            #"{"job":"j","id":null,"queue":null,"args":null,"enqueued":null,"v":null,"#
            + #""maxAttempts":null,"timeLimit":null,"resultTTL":null,"state":null}"#
        let envelope = try Envelope(Array(text.utf8))
        #expect(envelope.id == nil)
        #expect(envelope.queue == nil)
        #expect(envelope.version == 1)
        #expect(envelope.state.isInitial)
        #expect(String(decoding: envelope.argumentsData, as: UTF8.self) == "null")
    }

    @Test(arguments: ["[]", "[1]", "\"x\"", "7", "-0", "1e400", "null", "true", "{}", "[[],{}]"])
    func `arguments are any JSON value`(arguments: String) throws {
        let envelope = try Envelope(Array(#"{"args":\#(arguments),"job":"j"}"#.utf8))
        #expect(String(decoding: envelope.argumentsData, as: UTF8.self) == arguments)
        #expect(throws: Never.self) { try EnvelopeWriter.checkArguments(Array(arguments.utf8)) }
    }

    @Test(
        arguments: [
            ("", "not a JSON object: it is empty"),
            (" \n", "not a JSON object: it is empty"),
            ("x", "not a JSON object: byte 0 is 'x'"),
            ("null", "not a JSON object: byte 0 is 'n'"),
            (" [1]", "not a JSON object: byte 1 is '['"),
            ("\0{}", "not a JSON object: byte 0 is 0x00"),
            ("é", "not a JSON object: byte 0 is 0xC3"),
            ("\u{FEFF}{}", "not a JSON object: it starts with a byte order mark"),
            ("{", "JSON ends inside an object at byte 1"),
            (#"{"job":"j"#, "JSON ends inside a string at byte 9"),
            (#"{"job":"j\"#, "JSON ends inside a string at byte 10"),
            (#"{"job":"j\u00"#, "JSON ends inside a string at byte 13"),
            (#"{"job""#, "JSON ends inside an object at byte 6"),
            (#"{"job":"#, "JSON ends inside an object at byte 7"),
            (#"{"args":["#, "JSON ends inside an array at byte 9"),
            (#"{"args":[1"#, "JSON ends inside an array at byte 10"),
            (#"{"args":[1,"#, "JSON ends inside an array at byte 11"),
            (#"{"args":-"#, "JSON ends inside a number at byte 9"),
            (#"{"args":1."#, "JSON ends inside a number at byte 10"),
            (#"{"args":tru"#, "JSON ends inside a word at byte 11"),
            (#"{"args":tRue}"#, "JSON is not valid: byte 9 is 'R', expected true, false or null"),
            (
                #"{"args":01}"#,
                "JSON is not valid: byte 9 is '1', expected no digit after a leading 0"
            ),
            (#"{"args":+1}"#, "JSON is not valid: byte 8 is '+', expected a value"),
            (#"{"args":1.e}"#, "JSON is not valid: byte 10 is 'e', expected a digit"),
            (#"{"args":NaN}"#, "JSON is not valid: byte 8 is 'N', expected a value"),
            (#"{"args":}"#, "JSON is not valid: byte 8 is '}', expected a value"),
            (#"{"args":[1}"#, "JSON is not valid: byte 10 is '}', expected ',' or ']'"),
            (#"{"args":[1,]}"#, "JSON is not valid: byte 11 is ']', expected a value"),
            (#"{"args":{"a":1,}}"#, "JSON is not valid: byte 15 is '}', expected a key in quotes"),
            (#"{"job" "j"}"#, "JSON is not valid: byte 7 is '\"', expected ':'"),
            (#"{"job":"j",}"#, "JSON is not valid: byte 11 is '}', expected a key in quotes"),
            (#"{,"job":"j"}"#, "JSON is not valid: byte 1 is ',', expected a key in quotes"),
            (#"{job:"j"}"#, "JSON is not valid: byte 1 is 'j', expected a key in quotes"),
            (#"{"job":'j'}"#, "JSON is not valid: byte 7 is ''', expected a value"),
            (#"{"job":"j"}}"#, "trailing bytes after the object at byte 11"),
            (#"{"job":"j"} {}"#, "trailing bytes after the object at byte 12"),
            ("{\"job\":\"j\"}\0", "trailing bytes after the object at byte 11"),
            ("{\"job\":\"a\nb\"}", "JSON has a control character in a string at byte 9"),
            (#"{"job":"\x"}"#, "JSON has an unknown escape at byte 8"),
            (#"{"job":"\u00g0"}"#, "JSON has an unknown escape at byte 8"),
            (#"{"args":"\uD800"}"#, "JSON has half a surrogate pair at byte 9"),
            (#"{"args":"\uDC00\uD800"}"#, "JSON has half a surrogate pair at byte 9"),
            (#"{"args":"\uD800\n"}"#, "JSON has half a surrogate pair at byte 9"),
            (#"{"args":"\uD800\uD800"}"#, "JSON has half a surrogate pair at byte 9"),
            ("{}", "job has no 'job' name"),
            (#"{"job":""}"#, "job has no 'job' name"),
            (#"{"job":null}"#, "job has no 'job' name"),
            (#"{"job":5}"#, "'job' is not text"),
            (#"{"job":["j"]}"#, "'job' is not text"),
            (#"{"job":"j","id":5}"#, "'id' is not text"),
            (#"{"job":"j","queue":{}}"#, "'queue' is not text"),
            (#"{"id":"a","id":"a"}"#, "key 'id' is there twice"),
            (#"{"args":1,"\u0061rgs":1}"#, "key 'args' is there twice"),
            (#"{"id":null,"id":"a"}"#, "key 'id' is there twice"),
            (#"{"id":""}"#, "id '' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"),
            (
                #"{"queue":"a:b"}"#,
                "queue name 'a:b' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"
            ),
            (
                #"{"job":"a\n\u202E\u0000b"}"#,
                #"job name 'a\n\u{202E}\u{0}b' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"#
            ),
            (#"{"job":"j","state":[]}"#, "'state' is not an object"),
            (#"{"job":"j","state":{"errors":{}}}"#, "'state.errors' is not an array"),
            (#"{"job":"j","state":{"attempt":"3"}}"#, "'state.attempt' must be a whole number"),
            (#"{"job":"j","enqueued":"now"}"#, "'enqueued' must be a number"),
        ])
    func `what is no job is named with its reason`(text: String, expected: String) {
        #expect(reason(text) == expected)
    }

    @Test(
        arguments: [
            ("maxAttempts", "a whole number from 1 to 1000"),
            ("timeLimit", "a whole number from 1 to 2592000000"),
            ("resultTTL", "0 or a whole number from 1000 to 2592000000"),
            ("v", "a whole number from 1 to 1000000"),
        ],
        [
            "-1", "1.5", "2592000001", "9007199254740993", "1e400", "-1e400", "1e-400",
            "1234567890123456789012345678901234567890", "\"5\"", "true", "[]",
            "9223372036854775808",
        ])
    func `an option out of bounds is refused`(option: (String, String), value: String) {
        let expected = "'\(option.0)' must be \(option.1)"
        #expect(reason(#"{"job":"j","\#(option.0)":\#(value)}"#) == expected)
    }

    @Test(
        arguments: [
            ("-1", 0), ("-0", 0), ("1e400", 1_000_000), ("-1e400", 0), ("1e-400", nil),
            ("9007199254740993", 1_000_000), ("1e1000000000000000000000", 1_000_000),
            ("1234567890123456789012345678901234567890", 1_000_000), ("0e400", 0),
            ("-1234567890123456789012345678901234567890", 0), ("7", 7), ("70e-1", 7),
            ("0.0000000000000000000000000000007e31", 7), ("999999999999999999", 1_000_000),
        ] as [(String, Int?)])
    func `forged counts are clamped`(number: String, attempt: Int?) {
        let text = #"{"job":"j","state":{"attempt":\#(number)}}"#
        let envelope = try? Envelope(Array(text.utf8))
        #expect(envelope?.state.attempt == attempt)
    }

    @Test(arguments: [
        ("-5", 0), ("1e400", 9_007_199_254_740_991), ("1754130134123.456", 1_754_130_134_123),
    ])
    func `a forged time of enqueue is clamped`(number: String, time: Int64) throws {
        #expect(try Envelope(Array(#"{"job":"j","enqueued":\#(number)}"#.utf8)).enqueued == time)
    }

    @Test func `invalid UTF-8 is named with its byte`() {
        let invalid: [[UInt8]] = [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0x80], [0xED, 0xA0, 0x80],
            [0xC3, 0x28],
            [0xF0, 0x8F, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
            [0xE2, 0x82, 0x28], [0xF0, 0x9F, 0x92, 0x28],
        ]
        for bytes in invalid {
            let text = Array(#"{"args":""#.utf8) + bytes + Array(#"xxxx"}"#.utf8)
            #expect(reason(text) == "JSON is not valid UTF-8 at byte 9")
        }
    }

    @Test func `size is limited before anything is parsed`() {
        func job(_ count: Int) -> [UInt8] {
            Array(#"{"job":"j","args":""#.utf8)
                + Array(repeating: UInt8(ascii: "x"), count: count - 21) + Array(#""}"#.utf8)
        }
        #expect(reason(job(65_536)) == nil)
        #expect(reason(job(65_537)) == "job is 65,537 bytes; the limit is 65,536")
        #expect(reason(job(70_113)) == "job is 70,113 bytes; the limit is 65,536")
        #expect(reason(job(1_000_000)) == "job is 1,000,000 bytes; the limit is 65,536")
        #expect(
            reason(job(100), limits: .init(maxBytes: 99)) == "job is 100 bytes; the limit is 99")
    }

    @Test func `depth is limited`() {
        func job(_ levels: Int, _ open: String, _ close: String) -> String {
            #"{"job":"j","args":"# + String(repeating: open, count: levels - 1) + "1"
                + String(repeating: close, count: levels - 1) + "}"
        }
        #expect(reason(job(32, "[", "]")) == nil)
        #expect(reason(job(33, "[", "]")) == "JSON is nested deeper than 32 levels at byte 49")
        #expect(reason(job(32, #"{"a":"#, "}")) == nil)
        #expect(reason(job(33, #"{"a":"#, "}"))?.hasPrefix("JSON is nested deeper") == true)
        #expect(
            throws: EnvelopeError.tooDeep(limit: 32, at: 31),
            performing: { try EnvelopeWriter.checkArguments(Array(repeating: 0x5B, count: 32)) })
    }

    @Test func `a million open brackets cost no stack`() {
        let brackets = Array(repeating: UInt8(ascii: "["), count: 1_000_000)
        let text = Array(#"{"args":"#.utf8) + brackets
        let limits = Envelope.Limits(maxBytes: 10_000_000, maxDepth: 1_000_000)
        #expect(reason(brackets, limits: limits) == "not a JSON object: byte 0 is '['")
        #expect(reason(text, limits: limits) == "JSON is nested deeper than 64 levels at byte 71")
        #expect(reason(text) == "job is 1,000,008 bytes; the limit is 65,536")
    }

    @Test func `members are limited`() {
        func job(_ count: Int) -> String {
            #"{"job":"j""# + (1..<count).map { #","k\#($0)":1"# }.joined() + "}"
        }
        #expect(reason(job(256)) == nil)
        #expect(reason(job(257)) == "job has more than 256 keys")
        // What a retry writes into it does not count.
        let envelope = try? Envelope(Array(job(256).utf8))
        let retried = envelope?.rewritten(
            state: DeliveryState(attempt: 1), idIfMissing: JobID.generate(now: 0))
        #expect(retried.flatMap { try? Envelope($0) }?.state.attempt == 1)
    }

    @Test(
        arguments: [
            (#"{"id":"a-1","job":5"#, "a-1"), (#"{"id":"a""#, "a"), (#"{"id":"a"#, nil),
            (#"{"id":"","#, nil), (#"{ "id":"a"}"#, nil), (#"{"id":"a b"}"#, nil), ("", nil),
        ] as [(String, String?)])
    func `the id at the start is what scripts see`(text: String, id: String?) {
        #expect(Envelope.idAtStart(of: Array(text.utf8))?.description == id)
    }
}
