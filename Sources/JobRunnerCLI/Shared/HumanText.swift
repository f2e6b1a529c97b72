/// Numbers for people, short enough for a column; scripts read JSON.
enum HumanText {
    /// `1,204`; from a million on `1.2M`.
    static func count(_ number: Int) -> String {
        if number >= 1_000_000 {
            let (divisor, unit) = number >= 1_000_000_000 ? (1e9, "G") : (1e6, "M")
            return decimal(Double(number) / divisor) + unit
        }
        let digits = Array(String(max(0, number)))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// Per second: `0`, `<0.1`, `2.5`, `540`, `12.3k`.
    static func rate(_ rate: Double) -> String {
        switch rate {
        case ...0: "0"
        case ..<0.1: "<0.1"
        case ..<100: decimal(rate)
        case ..<10_000: "\(Int(rate.rounded()))"
        case ..<1e6: decimal(rate / 1000) + "k"
        default: decimal(min(rate, 1e12) / 1e6) + "M"
        }
    }

    /// `85us`, `12ms`, `1.2s`, `2m18s`, `3h02m`, `9d4h`.
    static func span(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let microseconds = attoseconds / 1_000_000_000_000
        if seconds <= 0 {
            if microseconds <= 0 { return "0s" }
            return microseconds < 1000 ? "\(microseconds)us" : "\(microseconds / 1000)ms"
        }
        switch seconds {
        case ..<60: return decimal(Double(seconds) + Double(microseconds) / 1e6) + "s"
        case ..<3600: return "\(seconds / 60)m" + two(seconds % 60) + "s"
        case ..<86_400: return "\(seconds / 3600)h" + two(seconds / 60 % 60) + "m"
        default: return "\(seconds / 86_400)d\(seconds / 3600 % 24)h"
        }
    }

    /// `412MiB`, `1.9GiB`.
    static func bytes(_ bytes: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(max(0, bytes))
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return (value < 10 && unit > 0 ? decimal(value) : "\(Int(min(value, 1e12)))") + units[unit]
    }

    /// One digit behind the point, cut, and none when it is zero.
    private static func decimal(_ value: Double) -> String {
        let tenths = Int(min(max(value * 10, 0), 1e15).rounded(.down))
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    private static func two(_ number: Int64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
