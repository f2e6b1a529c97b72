/// How many columns of a terminal text takes, by the rule of `wcwidth`.
///
/// Scalar by scalar, as tmux and most terminals count: combining marks take none, East Asian
/// wide characters and emoji two. For text that went through `escaped`.
enum TextWidth {
    static func columns(of text: some StringProtocol) -> Int {
        text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }
    }

    /// The text, cut to so many columns; what was cut ends in `…`.
    static func cut(_ text: String, to width: Int) -> String {
        guard columns(of: text) > width else { return text }
        guard width > 0 else { return "" }
        var kept = String.UnicodeScalarView()
        var used = 0
        for scalar in text.unicodeScalars {
            let columns = columns(of: scalar)
            guard used + columns <= width - 1 else { break }
            kept.append(scalar)
            used += columns
        }
        return String(kept) + "…"
    }

    static func columns(of scalar: Unicode.Scalar) -> Int {
        // Nearly every character there is.
        if scalar.isASCII { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch scalar.value {
        case 0x1160...0x11FF: return 0  // Hangul vowels and finals join the initial.
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF,
            0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
            0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD:
            return 2
        default: return scalar.properties.isEmojiPresentation ? 2 : 1
        }
    }
}
