/// The line with which a persistent program answers a job.
///
/// `{"id":…,"result":…}` or `{"id":…,"error":"…","retry":true|false}`. An error
/// with `"retry":true` is tried again later, with `"retry":false` buried,
/// without the member failed, so that the job's own retries decide. Without
/// result and error the result is `null`. Other members are ignored.
enum ProgramAnswer: Equatable {
    case outcome(ProgramOutcome)
    /// Not an answer to the job; the conversation is out of step.
    case violation(String)

    /// Reads the answer that is expected to be for job `id`.
    static func read(_ line: ArraySlice<UInt8>, id: String) -> ProgramAnswer {
        guard JSONText.isValid(line) else {
            return .violation("printed something that is not JSON: \(JSONText.preview(line))")
        }
        guard let members = JSONText.members(line) else {
            return .violation("printed something that is not an answer: \(JSONText.preview(line))")
        }
        guard let answered = members["id"] else {
            return .violation("answered without an id: \(JSONText.preview(line))")
        }
        guard JSONText.string(answered) == id else {
            return .violation("answered for id \(JSONText.preview(answered)) instead of \"\(id)\"")
        }
        let isNull: (ArraySlice<UInt8>) -> Bool = { $0.elementsEqual("null".utf8) }
        guard let error = members["error"], !isNull(error) else {
            return .outcome(.done(Array(members["result"] ?? ArraySlice("null".utf8))))
        }
        let text = JSONText.string(error) ?? String(decoding: error, as: UTF8.self)
        guard let retry = members["retry"], !isNull(retry) else { return .outcome(.failed(text)) }
        if retry.elementsEqual("true".utf8) { return .outcome(.retry(text)) }
        if retry.elementsEqual("false".utf8) { return .outcome(.bury(text)) }
        return .violation(
            "answered with a retry that is neither true nor false: \(JSONText.preview(line))")
    }
}
