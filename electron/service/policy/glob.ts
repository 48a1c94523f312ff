/** The policy's globs. They live in shared/, since the window explains which rules reach a resource with the same words. */
export { globMatches, isGlob } from '../../../shared/domain/glob';
