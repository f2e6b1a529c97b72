/// Takes secrets out of texts that are kept, logged and shown.
public enum Redaction {
    /// Words whose value is a secret, before `=` or `:`.
    private static let words = [
        "password", "passwd", "pwd", "secret", "token", "api_key", "apikey", "api-key",
        "authorization", "credential", "private_key",
    ]

    /// The logins of URLs (`scheme://user:password@host`), what follows a word such as `password=`
    /// or `token:`, and what follows `Bearer` or `Basic`, as `***`.
    ///
    /// A guess that helps against accidents; what a handler puts into its errors is its own duty.
    public static func standard(_ text: String) -> String {
        let lower = text.lowercased()
        let isSuspicious =
            lower.contains("://") || lower.contains("bearer ") || lower.contains("basic ")
            || words.contains { lower.contains($0) }
        // Nearly always nothing to do: an expression costs more than the job that failed.
        guard isSuspicious else { return text }
        let logins = #/([A-Za-z][A-Za-z0-9+.\-]*:\/\/)[^\/\s@]*@/#
        let schemes = #/(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+\/=\-]+/#
        let named =
            #/
              (?i)
              ( (?: password | passwd | pwd | secret | token | api[_\-]?key | authorization
                  | credential | private_key )
                \w* ["']? \s* [=:] \s* )
              (?: "[^"]*" | '[^']*' | [^\s,;&"']+ )
            /#
        return text.replacing(logins) { "\($0.1)***@" }
            .replacing(schemes) { "\($0.1) ***" }
            .replacing(named) { "\($0.1)***" }
    }
}
