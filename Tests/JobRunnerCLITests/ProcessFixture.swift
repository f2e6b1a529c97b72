import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// What tests of running executables have in common; `CommandFixture` is their side of Redis.
extension CommandFixture {
    /// The directory of the programs.
    var handlers: String { directory + "/handlers" }

    /// Writes a program for `--handlers`: a shell script.
    ///
    /// A shell of its own writes it: while this process had it open for writing, a child of a
    /// parallel test could inherit the descriptor, and the worker would fail with ETXTBSY.
    func program(_ name: String, _ body: String) async throws {
        try await shell(
            """
            mkdir -p "$0/handlers" && cat > "$0/handlers/\(name)" <<'END_OF_PROGRAM'
            #!/bin/sh
            \(body)
            END_OF_PROGRAM
            chmod 755 "$0/handlers/\(name)"
            """)
    }

    /// A program that says so when it starts, and then waits for `letGo()`.
    func gate() async throws {
        try await shell(#"mkfifo "$0/gate""#)
        try await program(
            "gate", "echo started >&2; read word < '\(directory)/gate'; echo '\"in\"'")
        try await program("echo", "cat")
    }

    /// Lets one `gate` go on.
    func letGo() async throws {
        try await shell(#"echo go > "$0/gate""#)
    }

    func shell(_ script: String) async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-ec", script, directory]
        let end = ProcessEnd(process)
        try process.run()
        try #require(await end.wait().code == 0)
    }

    /// A worker on this fixture's queue and programs.
    func work(
        _ arguments: String..., environment: [String: String] = [:], more: [String] = []
    ) throws -> ProcessLive {
        try ProcessLive(
            ["work", "-u", url, "--prefix", prefix, "--handlers", handlers] + arguments + more,
            environment: environment)
    }

    /// Enqueues a job that any program may be.
    @discardableResult func enqueue(
        _ name: String, _ arguments: String = "null", id: String? = nil
    ) async throws -> String {
        let ran = await run(["enqueue", name, arguments] + (id.map { ["--id", $0] } ?? []))
        try #require(ran.exit == .success, "\(ran.err)")
        return try #require(ran.lines.first)
    }

    /// Waits for the job's end; its value as JSON.
    func value(_ handle: String) async throws -> String {
        let ran = await run(["jobs", "wait", handle, "--result", "--timeout", "60s"])
        try #require(ran.exit == .success, "\(ran.err)")
        return try #require(ran.lines.first)
    }

    /// Enqueues so many jobs of a program, `job-0`, `job-1` and so on.
    func enqueue(_ count: Int, of name: String) async throws {
        let lines = (0..<count).map { #"{"job":"\#(name)","id":"job-\#($0)","args":\#($0)}"# }
        let path = try file("jobs", lines.map { $0 + "\n" }.joined())
        let ran = await run(["enqueue", "--ndjson", path])
        try #require(ran.exit == .success, "\(ran.err)")
    }

    /// Waits until all of them are done.
    func finish(_ count: Int) async throws {
        let ids = (0..<count).map { "default/job-\($0)" }
        let ran = await run(["jobs", "wait", "--timeout", "90s"] + ids)
        #expect(ran.exit == .success, "\(ran.out.suffix(500))\(ran.err)")
        #expect(ran.lines.count { $0.hasSuffix(" done") } == count)
    }

    /// Jobs that workers hold, and workers.
    func holders() async throws -> [String] {
        try await keys().filter { $0.contains("}:active:") || $0.hasSuffix("}:workers") }
    }
}
