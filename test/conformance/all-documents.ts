import { describeDocument000 } from './document-000';
import { describeDocument001 } from './document-001';
import { describeDocuments002And003 } from './document-002-003';
import { describeDocument004 } from './document-004';
import { describeHtmlStandard } from './html-standard';
import type { Target } from './target';

export function describeAllDocuments(target: Target): void {
  describeDocument000(target);
  describeDocument001(target);
  describeDocuments002And003(target);
  describeDocument004(target);
  describeHtmlStandard(target);
}
