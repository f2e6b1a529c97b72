import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite(
    "jobrunner dead export and import", .enabled(if: RedisServer.isAvailable),
    .timeLimit(.minutes(2)))
struct DeadFileTests {
    @Test func `what is exported comes back to the byte, once`() async throws {
        let fixture = try CommandFixture()
        let jobs = [
            #"{"id":"1","job":"a","args":{"x":"é😀"}}"#, "{\"id\":\"2\",\n\"job\":\"a\"}",
            "not json \u{1B}", #"{"job":"b","args":"\#u{202E}"}"#, "",
        ]
        for (index, job) in jobs.enumerated() {
            try await fixture.bury(job, reason: #"r "\ \#u{202E}"#, at: 1_700_000_000_123 + index)
        }
        try await fixture.bury(id: "3", queue: "mail")
        let before = try await (fixture.dead(), fixture.dead("mail"))
        let export = await fixture.run("dead export")
        #expect(export.exit == .success)
        #expect(export.err == "exported 6 jobs\n")
        #expect(export.out.unicodeScalars.allSatisfy { $0 == "\n" || Printable.isSafe($0) })
        #expect(
            export.lines.last == #"""
                {"queue":"mail","died_at":"1970-01-01T00:00:01.000Z","reason":"failed 1 times, last with E: no","worker":"host-1-a","tag":7,"job":{"id":"3","job":"a"}}
                """#)
        let file = try fixture.file("dead.ndjson", export.out)

        #expect(await fixture.run("dead delete --all -y").out == "deleted 6 jobs\n")
        _ = try await fixture.ask("DEL", "\(fixture.prefix):queues")
        let first = await fixture.run("dead import \(file)")
        #expect(first.exit == .success)
        #expect(first.out == "imported 6 jobs\n")
        #expect(try await fixture.dead() == before.0)
        #expect(try await fixture.dead("mail") == before.1)
        let score = try await fixture.ask("ZSCORE", fixture.key("dead"), before.0[0]).text
        #expect(score == "1700000000123")
        let input = try fixture.input(export.out + export.out)
        let second = await fixture.run(["dead", "import", "-o", "json"], input: input)
        #expect(second.out == #"{"version":1,"imported":0,"known":12,"bad_lines":0}"# + "\n")
        // The names of the queues are known again as well.
        #expect(await fixture.run("dead list -o name").lines.count == 6)
    }

    @Test func `a file is there when it is whole`() async throws {
        let fixture = try CommandFixture()
        try await fixture.bury(id: "1")
        let path = fixture.directory + "/out.ndjson"
        let ran = await fixture.run("dead export 1 --file \(path)")
        #expect(ran.exit == .success)
        #expect(ran.out == "")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasPrefix(#"{"queue":"default","#))
        #expect(!FileManager.default.fileExists(atPath: path + ".part"))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        let missing = await fixture.run("dead export --file \(fixture.directory)/no/out")
        #expect(missing.exit == .data)
        #expect(missing.err.contains("cannot write '"))
        _ = try await fixture.ask("SET", fixture.key("dead", of: "zzz"), "x")
        let failed = await fixture.run("dead export -q default -q zzz --file \(path)2")
        #expect(failed.exit == .configuration)
        #expect(!FileManager.default.fileExists(atPath: path + "2"))
        #expect(!FileManager.default.fileExists(atPath: path + "2.part"))
    }

    @Test func `a selection is exported, and nothing is taken out`() async throws {
        let fixture = try CommandFixture()
        try await fixture.bury(id: "1", job: "mail")
        try await fixture.bury(id: "2", job: "scan")
        let ran = await fixture.run("dead export --job scan")
        #expect(ran.lines.count == 1)
        #expect(ran.out.contains(#""job":{"id":"2","job":"scan"}"#))
        #expect(try await fixture.dead().count == 2)
        #expect(await fixture.run("dead export nobody").exit == .no)
    }

    @Test func `bad lines are named and left out`() async throws {
        let fixture = try CommandFixture()
        let good = #"{"queue":"q","died_at":"2026-01-31T12:30:00Z","job":{"id":"1","job":"a"}}"#
        let text = [
            good, "", "nonsense", #"{"queue":"q","died_at":"yesterday","job":{}}"#,
            #"{"queue":"q\u001b","died_at":"2026-01-31T12:30:00Z","job":{}}"#,
            good.replacing(#""id":"1""#, with: #""id":"2""#),
        ].joined(separator: "\n")
        let path = try fixture.file("in.ndjson", text)
        let ran = await fixture.run("dead import \(path)")
        #expect(ran.exit == .data)
        #expect(ran.out == "imported 2 jobs; 3 bad lines left out\n")
        let lines = ran.err.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0] == "\(path):3: not a JSON object: byte 0 is 'n'")
        #expect(lines[1] == "\(path):4: 'died_at' is no time such as 2026-01-31T12:30:00Z")
        #expect(lines[2].hasPrefix(#"\#(path):5: queue name 'q"#))
        #expect(ran.err.unicodeScalars.allSatisfy { $0 == "\n" || Printable.isSafe($0) })
        #expect(
            try await fixture.dead("q") == [
                "-/0 \n" + #"{"id":"1","job":"a"}"#, "-/0 \n" + #"{"id":"2","job":"a"}"#,
            ])
        let missing = await fixture.run("dead import \(fixture.directory)/none")
        #expect(missing.exit == .data)
    }

    @Test func `bad lines without end are counted`() async throws {
        let fixture = try CommandFixture()
        let path = try fixture.file("in.ndjson", String(repeating: "x\n", count: 50))
        let ran = await fixture.run("dead import \(path)")
        #expect(ran.out == "imported 0 jobs; 50 bad lines left out\n")
        #expect(ran.err.split(separator: "\n").count == 11)
        #expect(ran.err.hasSuffix("further bad lines are only counted\n"))
    }
}
