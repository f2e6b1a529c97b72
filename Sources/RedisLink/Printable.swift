/// Returns foreign text fit for one line of a log or an error: escaped and cut.
///
/// What a terminal would act on or hide (control characters, C1, bidirectional marks, line
/// separators, zero-width and unassigned scalars) comes out as `\n`, `\t` or `\u{202E}`.
///
/// - Parameters:
///   - text: Text that somebody else chose.
///   - limit: Most Unicode scalars returned, 1 or more; a cut text ends in `…`.
package func printable(_ text: some StringProtocol, limit: Int = 80) -> String {
    var result = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
        let escaped = escape(scalar)
        let width = escaped?.unicodeScalars.count ?? 1
        if count + width > limit {
            // Room for the ellipsis: what was already written may fill the limit to the brim.
            while count > limit - 1, !result.isEmpty {
                result.removeLast()
                count -= 1
            }
            result.append("…")
            break
        }
        result.append(contentsOf: escaped?.unicodeScalars ?? String(scalar).unicodeScalars)
        count += width
    }
    return String(result)
}

/// The visible stand-in of a scalar that must not be shown as it is; nil when it may be.
private func escape(_ scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    case "\\": return "\\\\"
    case " "..."~": return nil
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
        .unassigned:
        return "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
    default:
        return nil
    }
}
