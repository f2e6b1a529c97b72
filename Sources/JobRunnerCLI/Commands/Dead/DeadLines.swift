internal import Dispatch
internal import JobRunner

/// Reads lines on a thread of its own: a pipe may be silent for as long as it likes.
final class DeadLines {
    private let queue = DispatchQueue(label: "jobrunner.lines")
    private let file: InputFile
    private let limit: Int
    private var reader: LineReader?
    private(set) var number = 0

    init(_ file: InputFile, limit: Int) {
        self.file = file
        self.limit = limit
    }

    func next() async throws -> LineReader.Event {
        let source: LineReader
        if let reader {
            source = reader
        } else {
            source = LineReader(file, limit: limit, interrupts: try Interrupts())
        }
        reader = nil
        let queue = queue
        let (event, rest): (Result<LineReader.Event, CommandFailure>, LineReader) =
            await withCheckedContinuation { continuation in
                queue.async {
                    var reader = source
                    do throws(CommandFailure) {
                        let event = try reader.next(waits: true)
                        continuation.resume(returning: (.success(event), reader))
                    } catch {
                        continuation.resume(returning: (.failure(error), reader))
                    }
                }
            }
        reader = rest
        number = rest.number
        return try event.get()
    }
}
