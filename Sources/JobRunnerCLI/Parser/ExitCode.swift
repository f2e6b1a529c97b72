/// What a command says to the shell that ran it.
///
/// - Source: `sysexits.h`, so that a supervisor can tell what is worth another try.
struct ExitCode: RawRepresentable, Hashable, Sendable {
    let rawValue: Int32

    /// Done, or the asked-for condition holds.
    static let success = ExitCode(rawValue: 0)
    /// The answer is no: a job failed, a check is not met.
    static let no = ExitCode(rawValue: 1)
    /// The command line is wrong; nothing was touched.
    static let usage = ExitCode(rawValue: 64)
    /// The data given is wrong.
    static let data = ExitCode(rawValue: 65)
    /// Redis cannot be reached.
    static let unavailable = ExitCode(rawValue: 69)
    /// A defect of this program.
    static let `internal` = ExitCode(rawValue: 70)
    /// Another try may succeed, or only a part was done.
    static let temporary = ExitCode(rawValue: 75)
    /// Refused for want of a right.
    static let permission = ExitCode(rawValue: 77)
    /// A variable, a file or a setting of the server is wrong.
    static let configuration = ExitCode(rawValue: 78)
}
