/// Durations as the command line writes them: one whole number and one unit.
enum DurationText {
    /// Longest first, in milliseconds.
    private static let units = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// Nil for anything but digits followed by `ms`, `s`, `m`, `h` or `d`.
    static func parse(_ text: String) -> Duration? {
        guard let (number, unit) = splitUnit(text),
            let scale = units.first(where: { $0.0 == unit })?.1
        else { return nil }
        // A product too large for milliseconds is still a duration: out of every range.
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: scale)
        return overflow ? .seconds(Int64.max) : .milliseconds(milliseconds)
    }

    /// The largest unit that divides it; below a millisecond is cut off.
    static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return "\(seconds)s" }
        let milliseconds = whole + attoseconds / 1_000_000_000_000_000
        if milliseconds == 0 { return "0s" }
        let (unit, scale) = units.first { milliseconds % Int64($0.1) == 0 } ?? ("ms", 1)
        return "\(milliseconds / Int64(scale))\(unit)"
    }
}

/// Sizes in bytes with binary units.
enum ByteSize {
    private static let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)]

    /// Nil for anything but digits followed by nothing, `B`, `KiB`, `MiB` or `GiB`.
    static func parse(_ text: String) -> Int? {
        guard let (number, unit) = splitUnit(text),
            let scale = unit.isEmpty ? 1 : units.first(where: { $0.0 == unit })?.1
        else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: scale)
        return overflow ? nil : bytes
    }

    /// The largest unit that divides it.
    static func format(_ bytes: Int) -> String {
        if bytes == 0 { return "0B" }
        let (unit, scale) = units.first { bytes % $0.1 == 0 } ?? ("B", 1)
        return "\(bytes / scale)\(unit)"
    }
}

/// `30s` as 30 and `s`; nil unless it begins with ASCII digits that fit an `Int`.
private func splitUnit(_ text: String) -> (number: Int, unit: String)? {
    let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let number = Int(String(Substring(digits))) else { return nil }
    return (number, String(text.utf8.dropFirst(digits.count)) ?? "")
}
