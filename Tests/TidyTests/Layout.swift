/// Sizes and blanks of Swift files.
enum Layout {
    /// Most lines of a source; what is longer holds two nouns.
    ///
    /// The ninetieth percentile of the packages nearest to this one: swift-jobs 276, hummingbird
    /// 300, swift-aws-lambda-runtime 261, swift-dependencies 283.
    static let longestSource = 300
    /// Most lines of a test file: tests are tables and may be read from the middle.
    static let longestTest = 500
    /// Columns of a line, as `swift format` is told too: two files fit side by side.
    static let columns = 100

    /// Too many lines, long lines, tabs, blanks at the end of a line.
    ///
    /// A line of a text in `"""`, and in tests one that is a raw string and nothing else, may be
    /// long: a job's JSON is what it is.
    static func findings(in file: SourceFile) -> [Finding] {
        let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
        let most = file.isSource ? longestSource : longestTest
        let length =
            count > most ? [file.finding(at: most, "\(count) lines; split it at \(most)")] : []
        return length
            + file.lines.enumerated().flatMap { index, line in
                var messages: [String] = []
                let isRawString = !file.isSource && line.drop { $0 == " " }.hasPrefix("#\"")
                if line.count > columns, !isRawString, !file.isInsideString(index) {
                    messages.append("\(line.count) columns, of \(columns)")
                }
                if line.contains("\t") { messages.append("a tab") }
                if line.last == " " || line.last == "\t" { messages.append("blank at the end") }
                return messages.map { file.finding(at: index, $0) }
            }
    }
}
