import JobRunner
import Testing

@Suite("EnvelopeWriter")
struct EnvelopeWriterTests {
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    func envelope(_ text: String) throws -> Envelope { try Envelope(Array(text.utf8)) }

    @Test func `defaults are left out`() throws {
        let writer = EnvelopeWriter(
            id: try JobID("a"), job: "j", arguments: Array("{}".utf8))
        #expect(text(try writer.bytes()) == #"{"id":"a","job":"j"}"#)
    }

    @Test func `all that is set is written, and read again`() throws {
        var writer = EnvelopeWriter(
            id: try JobID("a"), job: "j", queue: .default, arguments: Array("[1]".utf8),
            enqueued: 1_763_000_000_000)
        writer.maxAttempts = 5
        writer.timeLimit = 30_000
        writer.resultTTL = 0
        writer.version = 2
        writer.extras = [.init("sig", json: Array("\"x\"".utf8))]
        let bytes = try writer.bytes()
        #expect(
            text(bytes)
                == #"{"id":"a","job":"j","queue":"default","args":[1],"enqueued":1763000000000,"#
                + #""maxAttempts":5,"timeLimit":30000,"resultTTL":0,"v":2,"sig":"x"}"#)
        let read = try Envelope(bytes)
        #expect(read.isCanonical)
        #expect(read.immutable == 0..<(bytes.count - 1))
        #expect(read.maxAttempts == 5)
        #expect(read.timeLimit == 30_000)
        #expect(read.resultTTL == 0)
        #expect(read.version == 2)
        #expect(read.enqueued == 1_763_000_000_000)
        #expect(read.valueRange(of: "sig").map { text(Array(bytes[$0])) } == "\"x\"")
        #expect(read.valueRange(of: "none") == nil)
    }

    @Test func `what a worker would bury is refused`() throws {
        let id = try JobID("a")
        func refusal(_ change: (inout EnvelopeWriter) -> Void) -> String? {
            var writer = EnvelopeWriter(id: id, job: "j")
            change(&writer)
            do throws(EnvelopeError) {
                _ = try writer.bytes()
                return nil
            } catch { return error.description }
        }
        #expect(refusal { _ in } == nil)
        #expect(
            refusal { $0.job = "a b" }
                == "job name 'a b' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -")
        #expect(
            refusal { $0.maxAttempts = 0 }
                == "'maxAttempts' must be a whole number from 1 to 1000")
        #expect(refusal { $0.timeLimit = 0 }?.hasPrefix("'timeLimit' must") == true)
        #expect(refusal { $0.resultTTL = 999 }?.hasPrefix("'resultTTL' must") == true)
        #expect(refusal { $0.version = 0 }?.hasPrefix("'v' must") == true)
        #expect(
            refusal { $0.arguments = Array(repeating: 0x31, count: 70_085) }
                == "job is 70,113 bytes; the limit is 65,536")
    }

    @Test(
        arguments: [
            ("", "JSON ends inside a word at byte 0"),
            ("{\"a\":1", "JSON ends inside an object at byte 6"),
            ("1 2", "trailing bytes after the object at byte 2"),
            ("\"\\uD800\"", "JSON has half a surrogate pair at byte 1"),
        ])
    func `raw arguments are validated`(arguments: String, expected: String) {
        let error = #expect(throws: EnvelopeError.self) {
            try EnvelopeWriter.checkArguments(Array(arguments.utf8))
        }
        #expect(error?.description == expected)
    }

    @Test(
        arguments: [
            // A foreign job gets an id in front; its members stay as they stood.
            (
                #"{"job" : "j", "args":{ "a" : 1.0 } , "x":[ ]}"#,
                #"{"id":"new","job" : "j","args":{ "a" : 1.0 },"x":[ ],"state":{"attempt":1}}"#
            ),
            // An id elsewhere, or spelled otherwise, moves to the front.
            (#"{"job":"j","id":"a"}"#, #"{"id":"a","job":"j","state":{"attempt":1}}"#),
            (#"{ "id":"a","job":"j"}"#, #"{"id":"a","job":"j","state":{"attempt":1}}"#),
            (#"{"id": "a","job":"j"}"#, #"{"id":"a","job":"j","state":{"attempt":1}}"#),
            (#"{"id":"\u0061","job":"j"}"#, #"{"id":"a","job":"j","state":{"attempt":1}}"#),
            (#"{"\u0069d":"a","job":"j"}"#, #"{"id":"a","job":"j","state":{"attempt":1}}"#),
            (#"{"id":null,"job":"j"}"#, #"{"id":"new","job":"j","state":{"attempt":1}}"#),
            // An old state is replaced wherever it was.
            (
                #"{"id":"a","state":{"attempt":9},"job":"j"}"#,
                #"{"id":"a","job":"j","state":{"attempt":1}}"#
            ),
            (
                #"{"id":"a","job":"j" , "state":{"attempt":9} } "#,
                #"{"id":"a","job":"j","state":{"attempt":1}}"#
            ),
            (
                #"{"id":"a","job":"j","st\u0061te":{"attempt":9}}"#,
                #"{"id":"a","job":"j","state":{"attempt":1}}"#
            ),
            // White space inside a canonical job is part of its bytes.
            (
                #"{"id":"a", "job" : "j" , "x" : 1 }"#,
                #"{"id":"a", "job" : "j" , "x" : 1,"state":{"attempt":1}}"#
            ),
        ])
    func `a rewrite changes only id and state`(before: String, after: String) throws {
        let once = try envelope(before).rewritten(
            state: DeliveryState(attempt: 1), idIfMissing: JobID.new)
        #expect(text(once) == after)
        let again = try Envelope(once)
        #expect(again.isCanonical)
        #expect(again.rewritten(state: again.state, idIfMissing: .generate(now: 0)) == once)
    }

    @Test func `the initial state is left out`() throws {
        let job = try envelope(#"{"id":"a","job":"j","state":{"attempt":1}}"#)
        let bytes = job.rewritten(state: DeliveryState(), idIfMissing: JobID.new)
        #expect(text(bytes) == #"{"id":"a","job":"j"}"#)
        #expect(bytes.dropLast() == job.bytes[job.immutable])
    }

    @Test func `failures are cut, the last five kept, and read back the same`() throws {
        var state = DeliveryState(attempt: 7)
        let nasty = "\"\\/\u{8}\u{C}\n\r\t\0\u{1F}\u{7F}\u{2028}é👩‍👩‍👧"
        for attempt in 1...7 {
            state.record(
                .init(
                    type: nasty, message: String(repeating: "\u{1}", count: 600), at: 5,
                    attempt: attempt, worker: String(repeating: "\0", count: 600)))
        }
        #expect(state.errors.map(\.attempt) == [3, 4, 5, 6, 7])
        #expect(state.errors[0].message.unicodeScalars.count == 500)
        let bytes = try envelope(#"{"job":"j"}"#).rewritten(state: state, idIfMissing: JobID.new)
        #expect(bytes.count < DeliveryState.maxBytes)
        #expect(try Envelope(bytes).state == state)
    }

    @Test func `a job at the size limit survives its retries`() throws {
        let head = #"{"id":"a","job":"j","args":""#
        let full = head + String(repeating: "x", count: 65_536 - head.utf8.count - 2) + "\"}"
        var state = DeliveryState(attempt: 5)
        for attempt in 1...5 {
            let message = String(repeating: "\u{1}", count: 500)
            state.record(.init(type: "T", message: message, at: 0, attempt: attempt, worker: "w"))
        }
        let bytes = try envelope(full).rewritten(state: state, idIfMissing: JobID.new)
        #expect(bytes.count > 65_536)
        #expect(try Envelope(bytes).state == state)
    }

    @Test(arguments: [-1, .min, .max, 5])
    func `counts are clamped when they are set`(count: Int) {
        var state = DeliveryState(attempt: count)
        state.attempt = count
        #expect(state.attempt == min(max(count, 0), 1_000_000))
    }
}

extension JobID {
    fileprivate static var new: JobID {
        guard let id = try? JobID("new") else { preconditionFailure("'new' is an id") }
        return id
    }
}
