import RedisLink
import Testing

@testable import JobRunner

/// What a dead job is read as, and which one a text names.
@Suite struct DeadJobTests {
    private func dead(_ text: String, queue: String = "q", diedAt: Int = 1) -> DeadJob {
        DeadJob(queue: queue, entry: Array(text.utf8), diedAt: diedAt)
    }

    @Test func `an entry is taken apart, and put together again`() throws {
        let job =
            #"{"id":"1","job":"a","state":{"attempt":2,"errors":[{"type":"E","message":"m"}]}}"#
        let dead = dead("host-1-x/42 failed 2 times, last with E: m\n" + job)
        #expect(dead.worker == "host-1-x")
        #expect(dead.tag == 42)
        #expect(dead.reason == "failed 2 times, last with E: m")
        #expect(dead.handle == "q/1")
        #expect(dead.name == "a")
        #expect(dead.envelope?.state.attempt == 2)
        #expect(dead.size == job.utf8.count)
        #expect(dead.isJSON)
        let entry = DeadJob.entry(
            worker: dead.worker, tag: dead.tag, reason: dead.reason, job: dead.job)
        #expect(entry == dead.entry)
    }

    @Test func `what runs again has no attempts and its errors, and all else as it was`() throws {
        let job =
            #"{"id":"1","job":"a","x":[1, 2],"state":{"attempt":3,"errors":[{"type":"E","message":"m","at":5,"attempt":3,"worker":"w"}]}}"#
        let revived = try Envelope(dead("w/1 r\n" + job).revived)
        #expect(revived.state.attempt == 0)
        #expect(revived.state.errors.map(\.message) == ["m"])
        let text = String(decoding: revived.bytes, as: UTF8.self)
        #expect(text.hasPrefix(#"{"id":"1","job":"a","x":[1, 2],"state":{"attempt":0,"#))
    }

    @Test func `what is no job keeps its bytes and is called by their digest`() {
        let dead = dead("w/1 not a JSON object: byte 0 is 'x'\nxyz")
        #expect(dead.envelope == nil)
        #expect(dead.flaw == "not a JSON object: byte 0 is 'x'")
        #expect(dead.revived == Array("xyz".utf8))
        #expect(dead.id == sha1Hex(Array("xyz".utf8)))
        #expect(!dead.isJSON)
    }

    @Test(arguments: ["", "no newline", "\n{}", "a b\n{}", "w/x y\n{}", "/\n{}"])
    func `an entry that is none of ours is all job`(text: String) {
        let dead = dead(text)
        #expect(dead.worker == "-")
        #expect(dead.reason == "")
        #expect(dead.job == Array(text.utf8))
    }

    @Test func `an entry that is cut is only looked at`() {
        let dead = DeadJob(
            queue: "q", entry: Array("w/1 too large to hand out\n{\"id\":\"1\"".utf8),
            size: 1 << 26,
            diedAt: 1)
        #expect(dead.isCut)
        #expect(dead.id == "1")
        #expect(dead.size == 1 << 26 - 26)
        #expect(dead.envelope == nil)
    }

    // MARK: Which ones

    @Test func `a filter takes what all its parts take`() {
        let job =
            #"{"id":"1","job":"a","state":{"attempt":1,"errors":[{"type":"Old","message":"then"}]}}"#
        let dead = dead("w/1 last with New: now\n" + job, diedAt: 10)
        func matches(_ change: (inout DeadFilter) -> Void) -> Bool {
            var filter = DeadFilter()
            change(&filter)
            return filter.matches(dead)
        }
        #expect(matches { _ in })
        #expect(matches { $0.job = "a" })
        #expect(!matches { $0.job = "b" })
        for text in ["New: n", "Old", "then"] { #expect(matches { $0.error = text }) }
        #expect(!matches { $0.error = "never" })
        #expect(matches { $0.handles = ["q/1"] })
        #expect(!matches { $0.handles = ["p/1"] })
        #expect(matches { $0.diedUpTo = 10 })
        #expect(!matches { $0.diedUpTo = 9 })
        #expect(
            !matches {
                $0.job = "a"
                $0.error = "never"
            })
    }

    @Test func `a text names a job by its id, a beginning of it, or its handle`() {
        var search = DeadSearch(["abc", "ab", "abd", "q/abd", "p/a", "z", "1", "q/"])
        for (queue, id) in [("q", "abc"), ("q", "abd"), ("p", "abd"), ("q", "1"), ("p", "12")] {
            search.look(at: dead("w/1 r\n" + #"{"id":"\#(id)","job":"a"}"#, queue: queue))
        }
        #expect(search.found("abc") == .one("q/abc"))
        #expect(search.found("ab") == .several(["p/abd", "q/abc", "q/abd"]))
        #expect(search.found("abd") == .several(["p/abd", "q/abd"]))
        #expect(search.found("q/abd") == .one("q/abd"))
        #expect(search.found("p/a") == .one("p/abd"))
        #expect(search.found("z") == .none)
        // A whole id is meant even where another begins with it.
        #expect(search.found("1") == .one("q/1"))
        #expect(search.found("q/") == .several(["q/1", "q/abc", "q/abd"]))
    }

    // MARK: Lines

    @Test func `a line needs its members, and says which one it has not`() throws {
        let line = try DeadLine(
            Array(#"{"queue":"q","died_at":"t","job":{"a":[]},"new":1,"tag":7,"worker":"w"}"#.utf8))
        #expect(line.job == Array(#"{"a":[]}"#.utf8))
        #expect(line.tag == 7)
        #expect(line.worker == "w")
        #expect(line.reason == "")
        let bytes = try DeadLine(Array(#"{"queue":"q","died_at":"t","job_base64":"AP8="}"#.utf8))
        #expect(bytes.job == [0, 255])
        #expect(bytes.worker == "-")
    }

    @Test(arguments: [
        ("", "not a JSON object: it is empty"), ("[]", "not a JSON object: byte 0 is '['"),
        (#"{"queue":"q""#, "JSON ends inside an object at byte 12"),
        (#"{"died_at":"t","job":1}"#, "it has no 'queue'"),
        (#"{"queue":"q","job":1}"#, "it has no 'died_at'"),
        (#"{"queue":"q","died_at":"t"}"#, "it has no 'job'"),
        (#"{"queue":"q","died_at":"t","job_base64":"?"}"#, "'job_base64' is not base64"),
        (
            #"{"queue":"q","died_at":"t","job":1,"job_base64":""}"#,
            "it has both 'job' and 'job_base64'"
        ),
        (
            #"{"queue":"a:b","died_at":"t","job":1}"#,
            "queue name 'a:b' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"
        ),
        (
            #"{"queue":"q","died_at":"t","job":1,"reason":"a\nb"}"#,
            "'reason' is of more than one line"
        ),
        (#"{"queue":"q","died_at":"t","job":1,"worker":"a b"}"#, "'worker' is no worker's id"),
        (#"{"queue":"q","died_at":"t","job":1,"worker":"a/1"}"#, "'worker' is no worker's id"),
    ])
    func `a bad line is told why`(line: String, reason: String) {
        do throws(DeadLine.Flaw) {
            _ = try DeadLine(Array(line.utf8))
            Issue.record("it was read")
        } catch {
            #expect(error.description == reason)
        }
    }
}
