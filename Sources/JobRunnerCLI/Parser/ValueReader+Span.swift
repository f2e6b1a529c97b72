extension ValueReader where Value == ClosedRange<Int> {
    /// A whole number, or the least and the most of them: `10` or `2..8`.
    static func span(_ range: ClosedRange<Int>) -> ValueReader<ClosedRange<Int>> {
        let bounds = "from \(range.lowerBound) to \(range.upperBound)"
        let wanted = "a whole number, or MIN..MAX such as 2..8, \(bounds)"
        return ValueReader(
            describe: wanted,
            show: { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)..\($0.upperBound)" }
        ) { text throws(InvalidValue) in
            if let number = Int(text), range.contains(number) { return number...number }
            guard let dots = text.firstRange(of: "..") else { throw InvalidValue() }
            let (before, after) = (text[..<dots.lowerBound], text[dots.upperBound...])
            guard !before.isEmpty, !after.isEmpty else {
                let both = before.isEmpty ? "MIN..\(after)" : "\(before)..MAX"
                throw InvalidValue("written with both ends, as in \(both), \(bounds)")
            }
            guard let least = Int(before), let most = Int(after), range.contains(least),
                range.contains(most)
            else { throw InvalidValue() }
            guard least <= most else {
                throw InvalidValue("MIN..MAX with the smaller one first: \(most)..\(least)")
            }
            return least...most
        }
    }
}
