/** A changeset is a line of the changelog, word for word: whose commit it came with is the history's to tell. */
export default {
  getReleaseLine: async ({ summary }) => `- ${summary.trim().replaceAll('\n', '\n  ')}`,
  getDependencyReleaseLine: async () => '',
};
