/** Maximum number of subjects that one server warns of. */
const mostSubjects = 16;

/** Warnings to the process, for what no hook of the program is told. Each subject is warned of once. */
export class Warnings {
  readonly #subjects = new Set<string>();

  /** Warns, unless it has warned of this subject, or of 16 others. */
  warn(subject: string, text: string): void {
    if (this.#subjects.has(subject) || this.#subjects.size >= mostSubjects) return;
    this.#subjects.add(subject);
    const isLast = this.#subjects.size === mostSubjects;
    process.emitWarning(isLast ? `${text} Further warnings are left out.` : text, 'MusterWarning');
  }
}
