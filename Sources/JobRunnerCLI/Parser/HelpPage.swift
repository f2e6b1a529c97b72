/// Lays out titles, paragraphs and two-column rows within a width.
///
/// A word that is wider than the page is left whole, so that it can be copied.
struct HelpPage {
    struct Row {
        var label: String
        var text: String
    }

    let style: HelpStyle
    private(set) var text = ""

    init(style: HelpStyle) {
        self.style = style
    }

    mutating func paragraph(_ words: String) {
        separate()
        append(wrap(words, width: style.width), indent: 0)
    }

    /// `Usage: jobrunner work [<options>]`, its parts kept whole.
    mutating func usage(_ called: String, parts: [String]) {
        separate()
        let lines = Self.fill(
            ["Usage:"] + called.split(separator: " ").map(String.init) + parts, style.width - 2)
        text += bold("Usage:") + lines.joined(separator: "\n  ").dropFirst(6) + "\n"
    }

    mutating func section(_ title: String, rows: [Row]) {
        guard !rows.isEmpty else { return }
        separate()
        text += bold(title + ":") + "\n"
        // A third of the page for labels, 30 at most; narrow pages have one column.
        let column = style.width < 60 ? 0 : min(30, style.width / 3)
        for row in rows {
            let indent = column == 0 ? 4 : column + 2
            let lines = wrap(row.text, width: style.width - indent)
            let fits = row.label.count + 4 <= indent && column > 0
            if fits, let first = lines.first {
                let gap = String(repeating: " ", count: indent - 2 - row.label.count)
                text += "  \(row.label)\(gap)\(first)\n"
                append(Array(lines.dropFirst()), indent: indent)
            } else {
                append(wrap(row.label, width: style.width - 2), indent: 2)
                append(lines, indent: indent)
            }
        }
    }

    private mutating func separate() {
        if !text.isEmpty { text += "\n" }
    }

    private mutating func append(_ lines: [String], indent: Int) {
        let blanks = String(repeating: " ", count: indent)
        for line in lines { text += blanks + line + "\n" }
    }

    private func bold(_ words: String) -> String {
        style.isColoured ? "\u{1B}[1m\(words)\u{1B}[0m" : words
    }

    private func wrap(_ words: String, width: Int) -> [String] {
        Self.fill(words.split { $0 == " " || $0 == "\n" }.map(String.init), width)
    }

    /// Lines of whole parts, each at most `width` wide unless it is a single part.
    private static func fill(_ parts: [String], _ width: Int) -> [String] {
        var lines: [String] = []
        for part in parts {
            if let last = lines.last, last.count + 1 + part.count <= width {
                lines[lines.count - 1] += " " + part
            } else {
                lines.append(part)
            }
        }
        return lines
    }
}
