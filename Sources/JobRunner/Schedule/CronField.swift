/// One field of a cron expression, read.
struct CronField {
    /// Which field: its numbers, and their names.
    enum Kind: String {
        case minute
        case hour
        case day = "day of the month"
        case month
        case weekday = "day of the week"

        var range: ClosedRange<Int> {
            switch self {
            case .minute: 0...59
            case .hour: 0...23
            case .day: 1...31
            case .month: 1...12
            case .weekday: 0...7
            }
        }

        /// From the first number on.
        var names: [String] {
            switch self {
            case .month:
                [
                    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV",
                    "DEC",
                ]
            case .weekday: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
            default: []
            }
        }
    }

    private(set) var numbers: UInt64 = 0
    /// Of days: bit n for `L-n`.
    private(set) var fromEnd: UInt64 = 0
    /// Of weekdays: bit 8 · weekday + n for `weekday#n`, n 0 for `weekdayL`.
    private(set) var ofMonth: UInt64 = 0
    /// It begins with `*`.
    let isAny: Bool

    private let kind: Kind
    private let cron: String

    init(_ text: String, _ kind: Kind, of cron: String) throws(ScheduleError) {
        self.kind = kind
        self.cron = cron
        isAny = text.hasPrefix("*")
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            try add(String(item))
        }
    }

    private func error(_ reason: String) -> ScheduleError {
        ScheduleError("cron '\(printable(cron))': \(kind.rawValue) \(reason)")
    }

    private mutating func add(_ item: String) throws(ScheduleError) {
        if item.isEmpty { throw error("has an empty place") }
        let parts = item.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2 else { throw error("'\(printable(item))' has two steps") }
        if parts.count == 1, try addSpecial(item) { return }
        let (range, isRange) = try range(parts[0])
        var step = 1
        if parts.count == 2 {
            guard let number = Self.digits(parts[1]), (1...kind.range.upperBound).contains(number)
            else {
                throw error(
                    "'\(printable(item))': a step is 1 to \(kind.range.upperBound)")
            }
            guard isRange else {
                throw error(
                    "'\(printable(item))': a step needs a range, such as "
                        + "\(parts[0])-\(kind.range.upperBound)/\(number)")
            }
            step = number
        }
        for number in stride(from: range.lowerBound, through: range.upperBound, by: step) {
            numbers |= 1 << UInt64(number)
        }
    }

    /// `*`, `5` or `5-10`.
    private func range(_ text: String) throws(ScheduleError) -> (ClosedRange<Int>, isRange: Bool) {
        if text == "*" {
            // Sunday once.
            return (kind == .weekday ? 0...6 : kind.range, true)
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard ends.count <= 2 else { throw error("'\(printable(text))' is no range") }
        let first = try number(ends[0])
        guard ends.count == 2 else { return (first...first, false) }
        var last = try number(ends[1])
        // `FRI-SUN`: the 7 of Sunday.
        if kind == .weekday, last == 0, first > 0 { last = 7 }
        guard first <= last else { throw error("'\(printable(text))' goes backwards") }
        return (first...last, true)
    }

    /// One or two digits and nothing else: no sign.
    private static func digits(_ text: String) -> Int? {
        let isNumber = (1...2).contains(text.utf8.count) && text.utf8.allSatisfy { 48...57 ~= $0 }
        return isNumber ? Int(text) : nil
    }

    private func number(_ text: String) throws(ScheduleError) -> Int {
        if let index = kind.names.firstIndex(of: text.uppercased()) {
            return kind.range.lowerBound + index
        }
        guard let number = Self.digits(text), kind.range.contains(number) else {
            let names = kind.names
            let words = names.isEmpty ? "" : " or \(names[0]) to \(names[names.count - 1])"
            throw error(
                "'\(printable(text))' is not \(kind.range.lowerBound) to "
                    + "\(kind.range.upperBound)\(words)")
        }
        return number
    }

    /// `L`, `L-3`, `5L` and `5#3`; false for anything else.
    private mutating func addSpecial(_ item: String) throws(ScheduleError) -> Bool {
        let text = item.uppercased()
        if kind == .day, text.hasPrefix("L") {
            let rest = text.dropFirst()
            guard !rest.isEmpty else {
                fromEnd |= 1
                return true
            }
            guard rest.first == "-", let number = Self.digits(String(rest.dropFirst())),
                (1...30).contains(number)
            else { throw error("'\(printable(item))': after L comes -1 to -30, or nothing") }
            fromEnd |= 1 << UInt64(number)
            return true
        }
        guard kind == .weekday else { return false }
        if text.hasSuffix("L") {
            ofMonth |= 1 << UInt64(try number(String(text.dropLast())) % 7 * 8)
            return true
        }
        let parts = text.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
        guard parts.count > 1 else { return false }
        guard parts.count == 2, let number = Self.digits(parts[1]), (1...5).contains(number) else {
            throw error("'\(printable(item))': after # comes 1 to 5")
        }
        ofMonth |= 1 << UInt64(try self.number(parts[0]) % 7 * 8 + number)
        return true
    }
}
