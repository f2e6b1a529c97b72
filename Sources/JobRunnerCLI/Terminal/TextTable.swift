/// A table without borders that fits a width: first names are cut, then columns left out.
struct TextTable: Sendable {
    struct Column: Sendable {
        let title: String
        /// Numbers are, so that their digits stand below each other.
        var isRight = true
        /// Order of leaving out: the highest first, those that share one together; 0 never.
        var rank = 0
        /// May be cut to this many columns before another column is left out.
        var least: Int?
    }

    struct Cell: Sendable, Equatable, ExpressibleByStringLiteral {
        var text: String
        var tone = Tone.plain

        init(_ text: String, _ tone: Tone = .plain) {
            self.text = text
            self.tone = tone
        }

        init(stringLiteral text: String) { self.init(text) }
    }

    /// What a cell wants to say by its colour; the text says it too.
    enum Tone: String, Sendable {
        case plain = ""
        case heading = "1"
        case caution = "33"
        case bad = "31"

        func paint(_ text: String, _ isColoured: Bool) -> String {
            isColoured && self != .plain && !text.isEmpty
                ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
        }
    }

    let columns: [Column]
    /// Each with a cell a column, safe to print.
    var rows: [[Cell]] = []

    private static let gap = 2

    /// - Parameter width: Columns of the terminal; nil takes what it takes.
    func lines(width: Int?, isColoured: Bool) -> [String] {
        let heads = columns.map { Cell($0.title, .heading) }
        let natural = columns.indices.map { column in
            ([heads] + rows).map { TextWidth.columns(of: $0[column].text) }.max() ?? 0
        }
        let widths = fit(natural, width)
        return ([heads] + rows).map { line($0, widths, isColoured) }
    }

    /// The width of each column; nil leaves it out.
    private func fit(_ natural: [Int], _ width: Int?) -> [Int?] {
        guard let width else { return natural }
        var widths: [Int?] = columns.indices.map { min(natural[$0], columns[$0].least ?? .max) }
        let total = { (widths: [Int?]) in
            widths.reduce(-Self.gap) { $0 + ($1.map { $0 + Self.gap } ?? 0) }
        }
        while total(widths) > width {
            // Those of one rank go together: they are read together.
            let kept = columns.indices.filter { widths[$0] != nil }
            guard let rank = kept.map({ columns[$0].rank }).max(), rank > 0 else { break }
            for column in kept where columns[column].rank == rank { widths[column] = nil }
        }
        for column in columns.indices {
            guard let least = widths[column], columns[column].least != nil else { continue }
            let room = width - total(widths)
            widths[column] = max(1, min(natural[column], least + room))
        }
        return widths
    }

    private func line(_ cells: [Cell], _ widths: [Int?], _ isColoured: Bool) -> String {
        var line = ""
        // Blanks are written only before the next text: none stand at the end of a line.
        var blanks = 0
        for (column, cell) in zip(columns.indices, cells) {
            guard let width = widths[column] else { continue }
            let text = TextWidth.cut(cell.text, to: width)
            let padding = width - TextWidth.columns(of: text)
            if columns[column].isRight { blanks += padding }
            if !text.isEmpty {
                line += String(repeating: " ", count: blanks) + cell.tone.paint(text, isColoured)
                blanks = 0
            }
            blanks += Self.gap + (columns[column].isRight ? 0 : padding)
        }
        return line
    }
}
