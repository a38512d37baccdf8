/** A choice that is made by one box. */

import type { Signal } from '@preact/signals';
import forms from './forms.module.css';

export function Checkbox({ choice, label }: { choice: Signal<boolean>; label: string }) {
  return (
    <label class={forms.checkbox}>
      <input
        type="checkbox"
        checked={choice.value}
        onChange={(event) => (choice.value = event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
