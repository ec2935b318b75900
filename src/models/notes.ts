/** One thing that was found out about a model, and from what: for `models inspect`. */
export interface Note {
  readonly what: string;
  readonly value: string;
  readonly why: string;
}

/** Something that has to be said, and the flag that says it. */
export interface Missing {
  readonly what: string;
  readonly flag: string;
}
