/** MiniMax M3. */
import type { Family } from './family.ts'

export const minimax: Family = { projectorTypes: ['minimax_m3'], pictureTokens: [8, 576] }
