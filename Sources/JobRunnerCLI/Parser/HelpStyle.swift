#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// How help is laid out on the descriptor it goes to.
struct HelpStyle: Equatable, Sendable {
    /// Columns; at least 20.
    var width: Int
    var isColoured: Bool

    init(width: Int, isColoured: Bool = false) {
        self.width = max(20, width)
        self.isColoured = isColoured
    }

    /// The width of `COLUMNS`, else of the terminal, else 80; colour on a capable terminal only.
    static func detect(descriptor: Int32, environment: [String: String]) -> HelpStyle {
        let isTerminal = isatty(descriptor) == 1
        let columns = environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        return HelpStyle(
            width: columns ?? (isTerminal ? terminalWidth(descriptor) : nil) ?? 80,
            isColoured: isColoured(isTerminal: isTerminal, environment: environment))
    }

    /// - Source: https://no-color.org: set and not empty, whatever the value.
    static func isColoured(isTerminal: Bool, environment: [String: String]) -> Bool {
        guard isTerminal, environment["NO_COLOR", default: ""].isEmpty else { return false }
        return !["", "dumb"].contains(environment["TERM", default: ""])
    }

    private static func terminalWidth(_ descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}
