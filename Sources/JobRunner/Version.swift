/// The version of this build, as in `CHANGELOG.md`.
package let version = "0.1.0"
