internal import JobRunner

/// Asks before something that cannot be undone: the count first, then yes or no.
enum Confirmation {
    static let yes = Flag("yes", short: "y", env: "JOBRUNNER_YES", help: "Do not ask.")

    /// Whether to go on.
    ///
    /// - Parameter what: What would be done, as in `delete 12 dead jobs`.
    /// - Throws: Exit code 64 where nobody can be asked and nobody said yes.
    static func isGiven(to what: String, _ invocation: Invocation) async throws -> Bool {
        if invocation[yes] { return true }
        let console = invocation.console
        guard console.isTerminal(console.input), console.isTerminal(2) else {
            throw CommandFailure(
                "this would \(what), and there is no terminal to ask on",
                hint: "Add --yes to do it.")
        }
        console.write(escaped("\(what)? [y/N] ", limit: nil), 2)
        let answer = try await line(of: console.input)
        if ["y", "yes"].contains(answer.lowercased()) { return true }
        console.note("nothing was done")
        return false
    }

    /// Reads on a thread of its own: a person may take their time.
    private static func line(of descriptor: Int32) async throws -> String {
        let file = try InputFile("-", standardInput: descriptor)
        let interrupts = try Interrupts()
        let event: Result<LineReader.Event, CommandFailure> =
            await withCheckedContinuation { continuation in
                startCommandThread("answer") {
                    var reader = LineReader(file, limit: 256, interrupts: interrupts)
                    do throws(CommandFailure) {
                        continuation.resume(returning: .success(try reader.next(waits: true)))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        guard case .line(let bytes) = try event.get() else { return "" }
        return String(decoding: bytes.trimmed, as: UTF8.self)
    }
}
