import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['dist', 'coverage', 'site', '**/node_modules'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Numbers, switches and hooks read better here than the rules' alternatives.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
    },
  },
  {
    // What a reader copies needs no cast: where it would, the types are to blame.
    files: ['examples/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...['TSAsExpression', 'TSTypeAssertion', 'TSNonNullExpression', 'TSAnyKeyword'].map(selector => ({
          selector,
          message: 'Examples need no cast: let the types help.',
        })),
      ],
    },
  },
  {
    // Core and adapters run on Bun, Deno and Workers: web standards only. The command line, the simulator's server and the diagnostics channels run on Node.
    files: ['src/**/*.ts'],
    ignores: ['src/cli/**', 'src/serve/**', 'src/diagnostics/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*'], message: 'src uses web standards only.' }] },
      ],
    },
  },
);
