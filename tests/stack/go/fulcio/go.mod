module fulcio
