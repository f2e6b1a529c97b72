extension JSONScanner {
    /// Whether a key is the given text, however it is escaped.
    @inline(__always)
    func isKey(_ key: Value, _ text: StaticString) -> Bool {
        if key.isEscaped { return self.text(key) == text.description }
        guard key.range.count == text.utf8CodeUnitCount + 2 else { return false }
        let start = base + key.range.lowerBound + 1
        for index in 0..<text.utf8CodeUnitCount where start[index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    /// Whether a value is `null`.
    @inline(__always)
    func isNull(_ value: Value) -> Bool {
        value.kind == .word && base[value.range.lowerBound] == UInt8(ascii: "n")
    }

    /// The bytes between the quotes of a string, as they stand.
    @inline(__always)
    func content(_ string: Value) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(
            start: base + string.range.lowerBound + 1, count: string.range.count - 2)
    }

    /// The text of a string that was read, escapes resolved.
    func text(_ string: Value) -> String {
        let content = content(string)
        guard string.isEscaped else { return String(decoding: content, as: UTF8.self) }
        var units: [UInt8] = []
        units.reserveCapacity(content.count)
        var index = 0
        while index < content.count {
            guard content[index] == UInt8(ascii: "\\") else {
                units.append(content[index])
                index += 1
                continue
            }
            let letter = content[index + 1]
            index += 2
            switch letter {
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "u"):
                var scalar = codeUnit(content, index)
                index += 4
                if scalar & 0xFC00 == 0xD800 {
                    scalar = 0x10000 + (scalar & 0x3FF) << 10 + codeUnit(content, index + 2) & 0x3FF
                    index += 6
                }
                // Pairs were checked when the string was read: it is always a scalar.
                units.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
            default: units.append(letter)
            }
        }
        return String(decoding: units, as: UTF8.self)
    }

    private func codeUnit(_ content: UnsafeBufferPointer<UInt8>, _ index: Int) -> UInt32 {
        content[index..<(index + 4)].reduce(0) { $0 << 4 | UInt32(hexValue($1) ?? 0) }
    }

    /// What a number is, as a whole one.
    enum Whole: Equatable {
        case value(Int64)
        /// It has a fraction; what is before the point.
        case fraction(Int64)
        /// Its size is 10¹⁸ or more.
        case tooGreat, tooSmall
        /// The value is no number.
        case none
    }

    /// Reads a number as a whole one: `3`, also as `3.0`, `30e-1` or `-0`; never traps.
    func whole(_ value: Value) -> Whole {
        guard value.kind == .number else { return .none }
        var index = value.range.lowerBound
        let end = value.range.upperBound
        let isNegative = base[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        // 1. Up to 18 digits and nothing else: all that a fair producer writes.
        if end - index <= 18 {
            var number: Int64 = 0
            while index < end, case let digit = base[index] &- 48, digit < 10 {
                number = number * 10 + Int64(digit)
                index += 1
            }
            if index == end { return .value(isNegative ? -number : number) }
            index = value.range.lowerBound + (isNegative ? 1 : 0)
        }
        return decimal(index..<end, isNegative)
    }

    /// Reads the digits, the point and the exponent apart.
    private func decimal(_ range: Range<Int>, _ isNegative: Bool) -> Whole {
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = base[index]
            index += 1
            if byte == UInt8(ascii: ".") {
                point = digits.count
            } else if byte | 0x20 == UInt8(ascii: "e") {
                let isMinus = base[index] == UInt8(ascii: "-")
                if base[index] &- 48 > 9 { index += 1 }
                while index < range.upperBound {
                    // More than any count of digits needs; keeps the sum from overflowing.
                    exponent = min(exponent * 10 + Int(base[index] - 48), 1_000_000_000)
                    index += 1
                }
                if isMinus { exponent = -exponent }
            } else {
                digits.append(byte - 48)
            }
        }
        // The number is 0.digits × 10^magnitude, without zeros at the front.
        var magnitude = (point ?? digits.count) + exponent
        guard let first = digits.firstIndex(where: { $0 != 0 }) else { return .value(0) }
        digits.removeFirst(first)
        magnitude -= first
        guard magnitude <= 18 else { return isNegative ? .tooSmall : .tooGreat }
        var number: Int64 = 0
        for place in 0..<max(magnitude, 0) {
            number = number * 10 + Int64(place < digits.count ? digits[place] : 0)
        }
        let isWhole = digits.dropFirst(max(magnitude, 0)).allSatisfy { $0 == 0 }
        if isNegative { number = -number }
        return isWhole ? .value(number) : .fraction(number)
    }
}
