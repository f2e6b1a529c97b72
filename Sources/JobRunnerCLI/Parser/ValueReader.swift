/// Thrown by a reader for text that is not a value.
struct InvalidValue: Error, Equatable, Sendable {
    /// Completes "must be …"; nil says what the reader's `describe` says.
    var expected: String?

    init(_ expected: String? = nil) {
        self.expected = expected
    }
}

/// What a shell offers where a value is to be typed.
enum ValueCompletion: Hashable, Sendable {
    case none
    case file
    case choices([String])
}

/// Turns the text of an argument or a variable into a value, and back for help and messages.
struct ValueReader<Value: Sendable>: Sendable {
    /// Completes "must be …", as in "a whole number from 1 to 1024".
    let describe: String
    let completion: ValueCompletion
    /// The value as the user would type it; used for defaults.
    let show: @Sendable (Value) -> String
    /// What of a wrong text may be shown; a secret never is.
    let masked: @Sendable (String) -> String
    let parse: @Sendable (String) throws(InvalidValue) -> Value

    init(
        describe: String,
        completion: ValueCompletion = .none,
        show: @escaping @Sendable (Value) -> String = { "\($0)" },
        masked: @escaping @Sendable (String) -> String = { $0 },
        parse: @escaping @Sendable (String) throws(InvalidValue) -> Value
    ) {
        self.describe = describe
        self.completion = completion
        self.show = show
        self.masked = masked
        self.parse = parse
    }

    /// Reads `text`, or fails with a message that names where it came from.
    ///
    /// - Parameters:
    ///   - name: `--concurrency`, `<id>` or `JOBRUNNER_CONCURRENCY`.
    ///   - exit: `usage` for the command line, `configuration` for a variable.
    func value(
        of text: String, named name: String, exit: ExitCode
    ) throws(CommandFailure) -> Value {
        do {
            return try parse(text)
        } catch {
            let expected = error.expected ?? describe
            throw CommandFailure(
                "\(name) must be \(expected), got '\(escaped(masked(text)))'", exit: exit)
        }
    }
}
