/** Real wordings that no training question uses, for measuring how far the model generalises. */
export const UNSEEN_WORDINGS = {
  shape: [
    'Could you tell me what shape that is?',
    'I wonder which shape this picture shows.',
    'The shape is called?',
  ],
  colour: [
    'Could you tell me what colour that is?',
    'I would like to know its color.',
    'what colour has it got?',
  ],
  count: ['How many shapes have been drawn?', 'Could you tell me how many shapes you can see here?'],
  where: ['Could you say on which side the object is?', 'Whereabouts is it?', 'Where exactly is it located?'],
  digit: [
    'Could you tell me which digit that is?',
    'Which number has been drawn?',
    'I see a number, which one is it?',
  ],
  describe: [
    'Could you describe what the picture contains?',
    'Give me a description of the scene.',
    'So what do we have here?',
  ],
} as const satisfies Record<string, readonly string[]>
