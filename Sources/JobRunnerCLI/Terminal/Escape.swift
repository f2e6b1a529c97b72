/// Makes text from outside safe to print: nothing in it moves the cursor, colours or reorders.
///
/// Every value of an argument, a variable, a file or Redis passes through here before it reaches a
/// terminal or a log. A job's name may hold an escape sequence that clears the screen or a bidi
/// override that makes one id look like another.
///
/// - Parameters:
///   - text: What is to be shown.
///   - limit: Most Unicode scalars of the result, the closing `…` included; nil cuts nothing.
/// - Returns: One line. Control characters come out as `\n`, `\t`, `\r` or `\u{1B}`.
func escaped(_ text: some StringProtocol, limit: Int? = 80) -> String {
    var shown: [String] = []
    var length = 0
    for scalar in text.unicodeScalars {
        let piece = Printable.escape(scalar)
        length += piece.unicodeScalars.count
        shown.append(piece)
        guard let limit, length > limit else { continue }
        // Pieces go whole: half an escape would read as other text.
        while length > limit - 1, let last = shown.popLast() {
            length -= last.unicodeScalars.count
        }
        return shown.joined() + "…"
    }
    return shown.joined()
}

/// Which Unicode scalars may reach a terminal as they are.
enum Printable {
    static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default:
            isSafe(scalar)
                ? String(Character(scalar))
                : "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
        }
    }

    static func isSafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F: false  // C0, DEL, C1: ESC and the 8-bit CSI.
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: false  // Bidi controls.
        case 0x200B, 0x2028, 0x2029, 0x2060...0x2064, 0xFEFF: false  // Invisible; line breaks.
        case 0xFFF9...0xFFFB, 0xE0000...0xE007F: false  // Annotations; invisible tags.
        default: true
        }
    }
}
