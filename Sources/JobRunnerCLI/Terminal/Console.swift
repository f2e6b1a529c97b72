internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a command has of the world around it: where it reads, where it writes, who stops it.
///
/// Tests give their own; nothing in a command touches descriptors 0 to 2 by itself.
struct Console: Sendable {
    /// Writes text to descriptor 1 or 2.
    var write: @Sendable (String, Int32) -> Void = SystemFile.write
    /// Standard input.
    var input: Int32 = 0
    var isTerminal: @Sendable (Int32) -> Bool = { isatty($0) == 1 }
    /// What stops a command that can be stopped half-way; nil listens to Ctrl-C.
    var interrupts: Interrupts?

    /// Writes a line to standard output; what it is made of is escaped by the caller.
    func print(_ line: String) {
        write(line + "\n", 1)
    }

    /// Tells the user something on standard error, on one line.
    func note(_ line: String) {
        write(escaped(line, limit: nil) + "\n", 2)
    }
}
