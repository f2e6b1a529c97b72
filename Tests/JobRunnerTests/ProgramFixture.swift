import FoundationEssentials
import Testing

@testable import JobRunner

/// A temporary directory of programs, and a runner for them.
final class ProgramFixture: Sendable {
    let path: String
    let runner: ProgramRunner
    /// What programs printed on standard error, as it comes.
    let log: AsyncStream<ProgramLogLine>

    /// Python without a shim in front of it that would change the environment.
    static let python =
        ["/usr/bin/python3", "/usr/local/bin/python3", "/opt/homebrew/bin/python3"]
        .first { FileManager.default.isExecutableFile(atPath: $0) } ?? "/usr/bin/python3"

    init(
        concurrency: Int = 4, environment: [String: String] = ["PATH": "/usr/bin:/bin"],
        passing names: [String] = [], outputLimit: Int = 1 << 20, grace: Duration = .seconds(60)
    ) throws {
        path = FileManager.default.temporaryDirectory.path + "/jobrunner-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let (log, continuation) = AsyncStream.makeStream(of: ProgramLogLine.self)
        self.log = log
        runner = ProgramRunner(
            concurrency: concurrency, environment: environment, passing: names,
            outputLimit: outputLimit, grace: grace
        ) { continuation.yield($0) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes an executable file, and returns it as a program.
    ///
    /// A shell of its own writes it: while this process had it open for writing,
    /// a child of a parallel test could inherit the descriptor for the moment
    /// before its exec, and ours would fail with ETXTBSY.
    func write(_ name: String, persistent: Bool = false, _ text: String) async throws -> Program {
        let file = path + "/" + name
        let script = """
            cat > '\(file)' <<'END_OF_PROGRAM'
            \(text)
            END_OF_PROGRAM
            chmod 755 '\(file)'

            """
        let shell = Program(name: "sh", path: "/bin/sh", isPersistent: false)
        try #require(await run(shell, script) == .done(Array("null".utf8)))
        return Program(name: name, path: file, isPersistent: persistent)
    }

    func sh(_ name: String, _ body: String) async throws -> Program {
        try await write(name, "#!/bin/sh\n" + body)
    }

    func python(_ name: String, persistent: Bool = false, _ body: String) async throws -> Program {
        try await write(name, persistent: persistent, "#!\(Self.python)\n" + body)
    }

    /// A persistent program; `body` sees `job` and says what to `answer`.
    func keeper(_ body: String) async throws -> Program {
        let indented = body.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
        return try await python(
            "keeper", persistent: true,
            """
            # jobrunner: persistent
            import json, os, signal, sys
            def answer(**members):
                print(json.dumps({"id": job["id"], **members}), flush=True)
            for line in sys.stdin:
                job = json.loads(line)
                args = job["args"]
            \(indented)
            """)
    }

    func run(
        _ program: Program, _ arguments: String = "null", id: String = "01J", attempt: Int = 1,
        deadline: Duration? = nil
    ) async -> ProgramOutcome {
        await runner.run(
            program,
            invocation: ProgramInvocation(
                id: id, job: program.name, attempt: attempt, queue: "default", fence: 7,
                deadline: deadline, arguments: Array(arguments.utf8)))
    }

    /// The next line a program prints on standard error.
    func line() async -> String? {
        for await line in log { return line.text }
        return nil
    }

    /// Makes a named pipe; returns its path.
    func fifo(_ name: String = "fifo") async throws -> String {
        let maker = Program(name: "sh", path: "/bin/sh", isPersistent: false)
        try #require(await run(maker, "mkfifo '\(path)/\(name)'\n").json == "null")
        return path + "/" + name
    }
}

extension ProgramOutcome {
    /// The result; nil when there is none.
    var json: String? {
        if case .done(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil }
    }

    var failure: String? {
        if case .failed(let text) = self { text } else { nil }
    }
}

/// Whether there is such a process, dead but unreaped ones included.
func processExists(_ pid: String) -> Bool {
    FileManager.default.fileExists(atPath: "/proc/\(pid)")
}
