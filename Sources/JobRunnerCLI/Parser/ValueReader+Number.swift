extension ValueReader where Value == Int {
    /// A whole number in decimal digits; no `1e9`, no `1_000`.
    static func int(_ range: ClosedRange<Int>) -> ValueReader<Int> {
        let wanted =
            range.upperBound == .max
            ? "of at least \(range.lowerBound)"
            : "from \(range.lowerBound) to \(range.upperBound)"
        return ValueReader(describe: "a whole number \(wanted)") { text throws(InvalidValue) in
            guard let number = Int(text), range.contains(number) else { throw InvalidValue() }
            return number
        }
    }

    /// A number of bytes, at least one: `64KiB`, `1MiB`, `512B` or `512`.
    static var size: ValueReader<Int> { size(1...Int.max) }

    /// A number of bytes within `range`: `64KiB`, `1MiB`, `512B` or `512`.
    static func size(_ range: ClosedRange<Int>) -> ValueReader<Int> {
        let lower = ByteSize.format(range.lowerBound)
        let bounds =
            range.upperBound == .max
            ? "of at least \(lower)" : "from \(lower) to \(ByteSize.format(range.upperBound))"
        return ValueReader(
            describe: "a size such as 512B, 64KiB or 1MiB \(bounds)", show: ByteSize.format
        ) { text throws(InvalidValue) in
            guard let bytes = ByteSize.parse(text), range.contains(bytes) else {
                throw InvalidValue()
            }
            return bytes
        }
    }
}

extension ValueReader where Value == Duration {
    /// A whole number with its unit: `250ms`, `30s`, `5m`, `2h`, `7d`.
    static func duration(_ range: ClosedRange<Duration>) -> ValueReader<Duration> {
        let lower = DurationText.format(range.lowerBound)
        let between = "between \(lower) and \(DurationText.format(range.upperBound))"
        return ValueReader(
            describe: "a duration with its unit (ms, s, m, h, d) \(between)",
            show: DurationText.format
        ) { text throws(InvalidValue) in
            guard let duration = DurationText.parse(text) else { throw InvalidValue() }
            guard range.contains(duration) else { throw InvalidValue(between) }
            return duration
        }
    }
}
