/** Where a provider's manual says what a code means. */
export interface ManualPages {
  /** The page with the list of codes. */
  readonly codes: string;
  /** An operation's own page. */
  readonly operations: Readonly<Record<string, string>>;
}
