// Outgoing HTTP of a role under test: the test says what comes back.

import { current } from './double.js';

export const send = request => current('fetch').answerRequest(request);
