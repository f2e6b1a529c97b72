import JobRunnerCLI

@main
struct Tool {
    static func main() {}
}
