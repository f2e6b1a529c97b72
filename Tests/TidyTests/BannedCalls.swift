/// Calls that have a better way here, and which.
enum BannedCalls {
    private struct Ban {
        let call: String
        let reason: String
        var except: Set<String> = []
    }

    private static let inSources = [
        Ban(call: "fork(", reason: "only the calling thread survives it; use posix_spawn"),
        Ban(call: "vfork(", reason: "use posix_spawn"),
        Ban(call: "try!", reason: "a library does not end its user's process; throw"),
        Ban(call: "as!", reason: "a library does not end its user's process; use as?"),
        Ban(
            call: "print(", reason: "standard output belongs to the command line; log",
            except: ["JobRunnerCLI"]),
        Ban(call: "Thread.sleep", reason: "it blocks a thread of the pool; wait for the event"),
        Ban(call: "usleep(", reason: "it blocks a thread of the pool; wait for the event"),
    ]

    private static let inTests = [
        Ban(call: "sleep(", reason: "wait for the event, not for a time"),
        Ban(call: "usleep(", reason: "wait for the event, not for a time"),
        Ban(call: "Thread.sleep", reason: "wait for the event, not for a time"),
        Ban(call: "Task.sleep", reason: "wait for the event, not for a time"),
    ]

    // In two parts, so that this file does not offend.
    private static let flushes = ["FLUSH" + "DB", "FLUSH" + "ALL"]

    /// Every banned call of a file.
    static func findings(in file: SourceFile) -> [Finding] {
        // Jobs that take time, or block, on purpose: they are what the fault tests kill.
        if file.path.hasPrefix("Tests/Faults/Worker/") { return [] }
        let bans = file.isSource ? inSources : inTests
        return file.code.enumerated().flatMap { index, line in
            var messages = bans.filter { ban in
                !ban.except.contains(file.target) && contains(line.code, word: ban.call)
                    && !contains(line.code, word: "func " + ban.call)
            }.map { "\($0.call): \($0.reason)" }
            let upper = line.codeAndStrings.uppercased()
            if !file.isSource {
                messages += flushes.filter { contains(upper, word: $0) }
                    .map { "\($0): other tests run on the same server; use a prefix of your own" }
            }
            return messages.map { file.finding(at: index, $0) }
        }
    }
}
