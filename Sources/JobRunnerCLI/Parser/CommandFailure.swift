/// Why a command line was not run, or why a command gave up: one line, a hint and an exit code.
///
/// Commands throw it for everything the user can act on; any other error ends with exit code 70.
struct CommandFailure: Error, Equatable, Sendable {
    var exit: ExitCode
    /// Without the leading `jobrunner: error: `; values in it are escaped by who puts them there.
    var message: String
    /// What to do next, as a sentence.
    var hint: String?

    init(_ message: String, hint: String? = nil, exit: ExitCode = .usage) {
        self.exit = exit
        self.message = message
        self.hint = hint
    }

    /// The text for standard error: one line, and one more when there is a hint.
    func rendered(executable: String) -> String {
        // Escaped once more without a limit, so that a value somebody forgot stays on its line.
        var text = "\(executable): error: \(escaped(message, limit: nil))\n"
        if let hint { text += escaped(hint, limit: nil) + "\n" }
        return text
    }
}
